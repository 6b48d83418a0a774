import { EXIT } from '../../lib/errors.ts'
import type { Run } from '../commands.ts'

export const sandbox: Run = async () => EXIT.ok
