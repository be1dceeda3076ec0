import { describe, expect, it } from 'vitest';
import { Identity, initials, parseColour } from './identity.js';

function storage(): Storage {
  const map = new Map<string, string>();
  return {
    getItem: (key: string) => map.get(key) ?? null,
    setItem: (key: string, value: string) => void map.set(key, value)
  } as Storage;
}

function identity(search = '', local = storage(), session = storage()) {
  const url = new URL(`https://example.org/lab/${search}`);
  return new Identity({ url, local, session, scope: '/' });
}

describe('Identity', () => {
  it('draws a friendly name that stays', () => {
    const local = storage();
    const { name, color } = identity('', local).current;
    expect(name).toMatch(/^[A-Z][a-z]+ [A-Z][a-z]+$/);
    expect(identity('', local).current).toMatchObject({ name, color });
  });

  it('is another person in each tab, also under one name', () => {
    const local = storage();
    expect(identity('', local).current.username).not.toBe(
      identity('', local).current.username
    );
  });

  it('prefers the link to the settings, and those to the drawn name', () => {
    const one = identity('?username=Ada%20Lovelace&usercolor=1e88e5');
    one.settings = { username: 'Grace', usercolor: '#ABC' };
    expect(one.current).toMatchObject({
      name: 'Ada Lovelace',
      display_name: 'Ada Lovelace',
      initials: 'AL',
      color: '#1e88e5'
    });
    const two = identity();
    two.settings = one.settings;
    expect(two.current).toMatchObject({ name: 'Grace', color: '#abc' });
  });

  it('says that a colour is none, once, and uses another', () => {
    const one = identity('?usercolor=url(x)');
    expect(one.current.color).toMatch(/^var\(/);
    expect(one.current.color).toMatch(/^var\(/);
    expect(one.problems).toHaveLength(1);
    expect(one.problems[0].key).toContain('usercolor');
  });

  it('keeps a name short and in its direction', () => {
    const { name } = identity(
      `?username=${encodeURIComponent('\u202eevil\n' + 'x'.repeat(99))}`
    ).current;
    expect(name).toHaveLength(64);
    expect(name.startsWith('evil')).toBe(true);
  });
});

describe('helpers', () => {
  it('make initials of any script', () => {
    expect(initials('ada')).toBe('A');
    expect(initials('Ada King Lovelace')).toBe('AL');
    expect(initials('🦊 李')).toBe('🦊李');
  });

  it('parse colours', () => {
    expect(parseColour('#FFF')).toBe('#fff');
    expect(parseColour('red')).toBe(null);
  });
});
