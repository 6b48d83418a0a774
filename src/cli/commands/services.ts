import { EXIT } from '../../lib/errors.ts'
import type { Run } from '../commands.ts'

export const ingester: Run = async () => EXIT.ok
export const backfiller: Run = async () => EXIT.ok
export const indexer: Run = async () => EXIT.ok
