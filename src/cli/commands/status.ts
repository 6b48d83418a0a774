import { EXIT } from '../../lib/errors.ts'
import type { Run } from '../commands.ts'

export const status: Run = async () => EXIT.ok
