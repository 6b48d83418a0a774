/** The CID of a blob reference, in its present form or the one of 2022 (`{cid, mimeType}`); null when there is none. */
export const blobCid = (blob: unknown): string | null => {
  if (typeof blob !== 'object' || blob === null) return null
  if ('ref' in blob && typeof blob.ref === 'object' && blob.ref !== null && '$link' in blob.ref) {
    return typeof blob.ref.$link === 'string' ? blob.ref.$link : null
  }
  return 'cid' in blob && typeof blob.cid === 'string' ? blob.cid : null
}
