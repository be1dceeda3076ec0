// Merged by the builder into its own rspack configuration (opt-in by `webpackConfig` in
// package.json). CommonJS, because the builder reads it with `require`.
module.exports = {
  output: {
    // `new URL('…_bg.wasm', import.meta.url)` in the engine's glue makes the wasm an asset. It keeps
    // its name, so that a person who looks at the network panel or at a mirror's logs knows what it
    // is, and lies beside the chunks, where `publicPath: 'auto'` finds it under any base URL.
    assetModuleFilename: '[name].[contenthash][ext]'
  }
};
