/** A person's own drive: JupyterLite's storage in the browser. */

/** Put files there, as if saved on another day. No application may run in the page. */
export function putFiles(page, files) {
  return page.evaluate(async files => {
    const done = request =>
      new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
    const opening = window.indexedDB.open('JupyterLite Storage - /');
    opening.onupgradeneeded = () => opening.result.createObjectStore('files');
    const database = await done(opening);
    const store = database
      .transaction('files', 'readwrite')
      .objectStore('files');
    const date = '2026-01-01T00:00:00.000Z';
    for (const [path, content] of Object.entries(files)) {
      const isText = typeof content === 'string';
      const file = {
        name: path,
        path,
        last_modified: date,
        created: date,
        format: isText ? 'text' : 'json',
        mimetype: isText ? 'text/plain' : 'application/x-ipynb+json',
        content,
        writable: true,
        type: isText ? 'file' : 'notebook',
        size: JSON.stringify(content).length
      };
      await done(store.put(file, path));
    }
    database.close();
  }, files);
}

/** What a file there holds, as the application reads it. */
export function readFile(page, path) {
  return page.evaluate(async path => {
    const { contents } = window.jupyterapp.serviceManager;
    return (await contents.get(path, { content: true })).content;
  }, path);
}

/** The same, as text. */
export function readText(page, path) {
  return page.evaluate(async path => {
    const { contents } = window.jupyterapp.serviceManager;
    const options = { content: true, format: 'text' };
    return (await contents.get(path, options)).content;
  }, path);
}

/** Write one, as an application does. */
export function writeFile(page, path, content) {
  return page.evaluate(
    async ([path, content]) => {
      const { contents } = window.jupyterapp.serviceManager;
      const isText = typeof content === 'string';
      await contents.save(path, {
        type: isText ? 'file' : 'notebook',
        format: isText ? 'text' : 'json',
        content
      });
    },
    [path, content]
  );
}

/** Make a folder. */
export function makeFolder(page, path) {
  return page.evaluate(async path => {
    const { contents } = window.jupyterapp.serviceManager;
    await contents.save(path, { type: 'directory' });
  }, path);
}

/** When the drive says that one was written. */
export function dateOfFile(page, path) {
  return page.evaluate(async path => {
    const { contents } = window.jupyterapp.serviceManager;
    return (await contents.get(path, { content: false })).last_modified;
  }, path);
}

/** Move or rename one, as in the file browser. */
export function moveFile(page, from, to) {
  return page.evaluate(
    async ([from, to]) => {
      await window.jupyterapp.serviceManager.contents.rename(from, to);
    },
    [from, to]
  );
}

/** Delete one, as in the file browser. */
export function deleteFile(page, path) {
  return page.evaluate(
    path => window.jupyterapp.serviceManager.contents.delete(path),
    path
  );
}

/** The paths in one of its folders. */
export function listFiles(page, folder = '') {
  return page.evaluate(async folder => {
    const { contents } = window.jupyterapp.serviceManager;
    const { content } = await contents.get(folder, { content: true });
    return content.map(file => file.path).sort();
  }, folder);
}

/** The database of that history, for a site at the root of its origin. */
export const HISTORY = 'jupyterlite-webrtc /';

/** Which of these texts, each put in at once, are in the history that the browser keeps of rooms. */
export function whichAreKept(page, texts) {
  return page.evaluate(
    async ([texts, history]) => {
      const done = request =>
        new Promise((resolve, reject) => {
          request.onsuccess = () => resolve(request.result);
          request.onerror = () => reject(request.error);
        });
      const databases = await window.indexedDB.databases();
      if (!databases.some(({ name }) => name === history)) {
        return [];
      }
      const database = await done(window.indexedDB.open(history));
      const records = await done(
        database.transaction('log').objectStore('log').getAll()
      );
      database.close();
      const decoder = new TextDecoder();
      const kept = records.flatMap(({ updates }) =>
        updates.map(update => decoder.decode(update))
      );
      return texts.filter(text => kept.some(update => update.includes(text)));
    },
    [texts, HISTORY]
  );
}

/** Whether a text that was put in at once is in there. */
export async function isKept(page, text) {
  return (await whichAreKept(page, [text])).length > 0;
}
