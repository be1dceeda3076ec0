/**
 * Documents of JupyterLab as peers can share them: what a file begins a history with, models that
 * keep to themselves what is personal, and changes that two people can make at the same time.
 *
 * Nothing here knows the room or the JupyterLab application.
 */
export { LocalCodeCell, type ILocalTrust } from './cells.js';
export { applyNotebook, applyText } from './difference.js';
export { digest, digestText } from './digest.js';
export {
  joinLineEnding,
  splitLineEnding,
  type LineEnding
} from './line-ending.js';
export {
  isRemote,
  keepStateLocal,
  loadInto,
  type ILocalState
} from './local-state.js';
export {
  createDocument,
  LocalFile,
  LocalNotebook,
  type IDocumentOptions
} from './models.js';
export { copyName } from './names.js';
export {
  contentText,
  normaliseNotebook,
  sameContent,
  UnsupportedNotebookError
} from './normalise.js';
export { type IRunner } from './running.js';
export {
  buildSeed,
  buildUnsharedSeed,
  getSource,
  liveGenesis,
  NotDeterministicError,
  setSource,
  UnsupportedDocumentError,
  type ISeed,
  type ModelFactory
} from './seed.js';
export { followTrust, type ITrustingModel } from './trust.js';
