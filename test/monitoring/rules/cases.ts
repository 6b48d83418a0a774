/** All cases. */
import { backfillerCases, rskyCases } from './backfiller.cases.ts'
import type { AlertCase, RecordingCase } from './case.ts'
import { fleetCases } from './fleet.cases.ts'
import { freshnessCases } from './freshness.cases.ts'
import { indexerFailureCases } from './indexer-failures.cases.ts'
import { indexerCases } from './indexer.cases.ts'
import { ingesterFailureCases } from './ingester-failures.cases.ts'
import { ingesterCases } from './ingester.cases.ts'
import { monitoringCases } from './monitoring.cases.ts'
import { recordingCases } from './recordings.cases.ts'
import { storesCases } from './stores.cases.ts'

export const ALERT_CASES: readonly AlertCase[] = [
  ...rskyCases,
  ...fleetCases,
  ...ingesterCases,
  ...ingesterFailureCases,
  ...backfillerCases,
  ...indexerCases,
  ...indexerFailureCases,
  ...freshnessCases,
  ...storesCases,
  ...monitoringCases,
]
export const RECORDING_CASES: readonly RecordingCase[] = recordingCases
