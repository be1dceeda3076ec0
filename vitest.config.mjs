import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['js-shim/**/*.test.ts'],
    // JupyterLab's packages are ES modules that don't say so in their package.json, so Node would
    // read them as CommonJS: let vitest's own loader have them.
    server: { deps: { inline: [/@jupyter\//, /@jupyterlab\//, /@lumino\//] } }
  }
});
