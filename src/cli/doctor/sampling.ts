/** Two readings of the same counter this far apart make a rate. */
export const SAMPLE_MS = 2_000
