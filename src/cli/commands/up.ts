import { EXIT } from '../../lib/errors.ts'
import type { Run } from '../commands.ts'

export const up: Run = async () => EXIT.ok
