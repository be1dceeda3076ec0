import { describe, expect, it } from 'vitest';
import { joinRoom } from './room.js';
import { IRoomOptions } from './types.js';

const options: IRoomOptions = {
  signaling: ['wss://signaling.example.org'],
  prefix: 'long enough',
  room: 'tea'
};

describe('joinRoom', () => {
  it.each([
    [{ room: '' }, 'A room needs a name'],
    [{ prefix: 'short' }, 'at least 8 characters'],
    [{ signaling: ['https://a.example'] }, 'https://a.example'],
    [{ iceTransportPolicy: 'realy' }, '"relay": realy'],
    [{ iceTransportPolicy: 'relay' }, 'no WebRTC']
  ])('refuses %j before anything is dialled', async (wrong, reason) => {
    const joined = joinRoom({ ...options, ...wrong } as IRoomOptions);
    await expect(joined).rejects.toThrow(reason);
  });
});
