/** A page before anybody goes anywhere: what it is configured with, and what is noted of it. */

import { federated, serveExtension } from './extension.mjs';

/** Runs in the page before anything else. */
const IN_PAGE = () => {
  window.documentAt = path =>
    [...(window.jupyterapp?.shell.widgets('main') ?? [])].find(
      widget => widget.context?.path === path
    );
  // What is told, and asked, is noted: it may be gone before a test looks.
  const noted = new WeakSet();
  new window.MutationObserver(changes => {
    for (const node of changes.flatMap(change => [...change.addedNodes])) {
      for (const [kind, selector] of [
        ['notices', '.Toastify__toast'],
        ['dialogs', '.jp-Dialog']
      ]) {
        if (node instanceof window.Element) {
          const found = node.matches(selector)
            ? node
            : node.querySelector(selector);
          if (found && !noted.has(found)) {
            noted.add(found);
            window.__seen(kind, found.textContent);
          }
        }
      }
    }
  }).observe(document, { childList: true, subtree: true });
};

/**
 * A page of `one`, whose notes are kept there.
 *
 * @param one The person.
 * @param options Of `person`.
 */
export async function preparePage(
  one,
  { config = {}, appConfig = {}, settings, init, extension }
) {
  const page = await one.context.newPage();
  await page.exposeFunction('__seen', (kind, text) => one[kind].push(text));
  await page.addInitScript(IN_PAGE);
  if (init) {
    await page.addInitScript(init);
  }
  await page.route('**/jupyter-lite.json*', route =>
    configure(route, { config, appConfig, settings, extension })
  );
  if (extension) {
    await serveExtension(page, extension);
  }
  takeNotes(one, page);
  return page;
}

/** Answer with the site's configuration and the changes to it. */
async function configure(route, { config, appConfig, settings, extension }) {
  const response = await route.fetch();
  if (!response.ok()) {
    return route.fulfill({ response });
  }
  const json = await response.json();
  const { pathname } = new URL(route.request().url());
  const data = (json['jupyter-config-data'] ??= {});
  const app = pathname.split('/').at(-2);
  if (app) {
    Object.assign(data, appConfig[app]);
  } else {
    Object.assign(data, config);
    data.settingsOverrides = { ...data.settingsOverrides, ...settings };
    if (extension) {
      data.federated_extensions.push(federated);
    }
  }
  await route.fulfill({ json });
}

function takeNotes(one, page) {
  page.on('websocket', socket => {
    one.sockets.push(socket.url());
    socket.on('framesent', frame => one.sent.push(String(frame.payload)));
  });
  page.on('request', request => one.requests.push(request.url()));
  page.on('pageerror', error => {
    // What has no message is the service worker's, which was not allowed to register.
    if (error.message !== 'undefined') {
      one.errors.push(error.message);
    }
  });
  page.on('console', message =>
    one.console.push(`${message.type()}: ${message.text()}`)
  );
}
