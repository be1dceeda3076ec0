/**
 * Random text that fits in a URL: base64url of `bytes` random bytes.
 *
 * `crypto.randomUUID` exists on secure pages only; `getRandomValues` exists on all.
 */
export function randomText(bytes: number): string {
  const values = crypto.getRandomValues(new Uint8Array(bytes));
  return btoa(String.fromCharCode(...values))
    .replace(/\+/g, '-')
    .replace(/\//g, '_')
    .replace(/=+$/, '');
}
