/** An extension that a test brings, written by hand as a bundler would make it. */

const NAME = 'test-extension';

/** What the configuration says of it. */
export const federated = {
  name: NAME,
  extension: './extension',
  load: 'static/remoteEntry.js'
};

/**
 * Have a page find it.
 *
 * @param body The body of a function that returns its plugins, with `req(name)` giving any module that
 *   JupyterLab shares.
 */
export function serveExtension(page, body) {
  return page.route(`**/extensions/${NAME}/static/remoteEntry.js*`, route =>
    route.fulfill({ contentType: 'text/javascript', body: container(body) })
  );
}

const container = body => `
(window._JUPYTERLAB ??= {})['${NAME}'] = {
  init(scope) { this.scope = scope; },
  async get() {
    const req = async name => {
      const [version] = Object.keys(this.scope[name]);
      return (await this.scope[name][version].get())();
    };
    const plugins = await (async () => { ${body} })();
    return () => ({ __esModule: true, default: plugins });
  }
};`;
