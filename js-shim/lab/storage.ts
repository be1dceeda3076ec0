/**
 * Local and session storage, which can be full or forbidden: neither may stop a page from loading.
 */

/** What is stored under a key; null where that is nothing. */
export function read(storage: Storage, key: string): string | null {
  try {
    return storage.getItem(key);
  } catch {
    return null;
  }
}

/** Store it, or say that it could not be stored. */
export function write(storage: Storage, key: string, value: string): void {
  try {
    storage.setItem(key, value);
  } catch {
    console.warn(`Could not store ${key}.`);
  }
}
