/**
 * The life of a service. `run(signal)` resolves when the service has stopped *and drained*: intake first, then what is in
 * flight, flush, ack, close. It rejects only when our own state is wrong. Final saves use a fresh deadline, never the
 * cancelled signal.
 */
export interface Service {
  readonly name: string
  run(signal: AbortSignal): Promise<void>
}

/**
 * Runs services side by side until `signal` aborts or one of them ends. One that rejects stops the others (they drain) and
 * its error is thrown; one that merely resolves early does not end its siblings (an idle part is not a failure).
 */
export const runServices = async (services: readonly Service[], signal: AbortSignal): Promise<void> => {
  const stop = new AbortController()
  const both = AbortSignal.any([signal, stop.signal])
  const failures: unknown[] = []
  await Promise.all(
    services.map(async (service) => {
      try {
        await service.run(both)
      } catch (error) {
        failures.push(new Error(`${service.name} failed`, { cause: error }))
        stop.abort()
      }
    }),
  )
  if (failures.length === 1) throw failures[0]
  if (failures.length > 1) throw new AggregateError(failures, 'several services failed')
}
