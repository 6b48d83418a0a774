import { EXIT } from '../../lib/errors.ts'
import type { Run } from '../commands.ts'

export const migrate: Run = async () => EXIT.ok
