/** Types of documents that other extensions bring, made of their factories. */
import { YDocument } from '@jupyter/ydoc';
import { Contents } from '@jupyterlab/services';
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { createModel, kindOf } from './kinds.js';

/** Born empty, and with nothing but a property for its source. */
class Numbers extends YDocument<any> {
  readonly version = '1.0.0';
  protected list = this.ydoc.getArray<number>('list');
  override get source(): any {
    return this.list.toArray();
  }
  override set source(value: any) {
    this.transact(() => {
      this.list.delete(0, this.list.length);
      this.list.insert(0, value);
    });
  }
  getSource(): any {
    return this.source;
  }
  setSource(value: any): void {
    this.source = value;
  }
}

/** Begins with the time of day, which is no content. */
class Dated extends Numbers {
  constructor() {
    super();
    this.ydoc.getMap('meta').set('born', Math.random());
  }
}

/** Begins with content. */
class Begun extends Numbers {
  constructor() {
    super();
    this.list.insert(0, [0]);
  }
}

const options: Contents.ISharedFactoryOptions = {
  path: 'x.numbers',
  contentType: 'numbers',
  format: 'json'
};

function make(Class: new () => Numbers) {
  const model = createModel(options, () => new Class()) as Numbers;
  return { model, kind: kindOf('numbers', 'json', model)! };
}

describe('a type of an extension', () => {
  it('has one seed of one content', async () => {
    const [a, b] = await Promise.all(
      [1, 2].map(() => make(Numbers).kind.seed('x', [1, 2]))
    );
    expect(a).toEqual(b);
    const { model, kind } = make(Numbers);
    kind.load(model, a.update, 'room', null);
    kind.load(model, b.update, 'room', null);
    expect(kind.contentOfModel(model)).toEqual([1, 2]);
    expect(kind.contentOf(a.update)).toEqual([1, 2]);
    expect(model.dirty).toBe(false);
    expect(model.canUndo()).toBe(false);
  });

  it('has a seed of one person’s where models begin differently', async () => {
    const { model, kind } = make(Dated);
    const { update } = await kind.seed('x', [1]);
    kind.load(model, update, 'room', null);
    expect(kind.contentOfModel(model)).toEqual([1]);
  });

  it('is not shared where models begin with content', async () => {
    await expect(make(Begun).kind.seed('x', [1])).rejects.toThrow(
      'can’t be shared'
    );
  });

  it('keeps state to itself, and is dirty when others write', () => {
    const [a, b] = [make(Numbers).model, make(Numbers).model];
    a.source = [1];
    a.dirty = true;
    a.setState('path', 'mine');
    Y.applyUpdate(b.ydoc, Y.encodeStateAsUpdate(a.ydoc), 'peer');
    expect(b.dirty).toBe(true);
    b.dirty = false;
    expect(a.dirty).toBe(true);
    expect(b.getState('path')).toBe(undefined);
    a.dispose();
    expect(a.isDisposed).toBe(true);
  });

  it('is left alone by a revert to what it is', () => {
    const { model, kind } = make(Numbers);
    model.source = [1];
    const before = Y.encodeStateVector(model.ydoc);
    kind.apply(model, [1]);
    expect(Y.encodeStateVector(model.ydoc)).toEqual(before);
    kind.apply(model, [2]);
    expect(model.source).toEqual([2]);
  });
});

it('what is base64 is not shared, whatever its type', () => {
  expect(kindOf('file', 'base64')).toBe(null);
  const image = { ...options, format: 'base64' as const };
  const model = createModel(image, () => new Numbers());
  expect(kindOf('numbers', 'base64', model)).toBe(null);
});
