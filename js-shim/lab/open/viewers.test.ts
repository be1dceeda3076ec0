/** Where viewers get their content. */
import { Signal } from '@lumino/signaling';
import { expect, it } from 'vitest';
import { shareViewers } from './viewers.js';

it('viewers share what editors share, whenever they are registered', () => {
  const factories: Record<string, any> = {
    table: { modelName: 'text' },
    image: { modelName: 'base64' },
    other: { modelName: 'text', contentProviderId: 'theirs' }
  };
  const registry: any = {
    widgetFactories: () => Object.values(factories),
    getWidgetFactory: (name: string) => factories[name]
  };
  registry.changed = new Signal(registry);
  shareViewers(registry, 'rtc');
  const add = (name: string, factory: object) => {
    factories[name] = factory;
    registry.changed.emit({ type: 'widgetFactory', change: 'added', name });
  };
  add('slides', { modelName: 'notebook' });
  add('plain', {});
  const ids = Object.entries(factories).map(([name, factory]) => [
    name,
    factory.contentProviderId
  ]);
  expect(Object.fromEntries(ids)).toEqual({
    table: 'rtc',
    image: undefined,
    other: 'theirs',
    slides: 'rtc',
    plain: 'rtc'
  });
});
