import { EXIT } from '../../lib/errors.ts'
import type { Run } from '../commands.ts'

export const demo: Run = async () => EXIT.ok
