/** Small files that pass for pictures and films: nobody looks inside but for their first bytes. */
import type { Account, Blob } from './account.ts'

/** A PNG of one pixel; what follows its end makes each one another blob. */
const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

export const picture = (account: Account, name: string): Promise<Blob> =>
  account.upload(new Uint8Array(Buffer.concat([PIXEL, Buffer.from(name)])), 'image/png')

export const film = (account: Account, name: string): Promise<Blob> =>
  account.upload(
    new Uint8Array(Buffer.concat([Buffer.from('0000001866747970', 'hex'), Buffer.from(`mp42 ${name}`)])),
    'video/mp4',
  )
