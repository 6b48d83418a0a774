/**
 * Loaded into every test process: a file whose tests are over but whose process does not end (a socket, a server, a timer
 * left open) would otherwise hang the whole run, since node bounds tests in time, not files. Says what is still open.
 */
const FILE_TIMEOUT_MS = Number(process.env['TEST_FILE_TIMEOUT_MS'] ?? 300_000)

const giveUp = (): never => {
  const open = process.getActiveResourcesInfo().join(', ')
  console.error(`this file did not end within ${FILE_TIMEOUT_MS / 1000} s; still open: ${open}`)
  process.exit(1)
}

// The runner itself loads this too; only the processes it starts are bounded.
if (process.env['NODE_TEST_CONTEXT']) setTimeout(giveUp, FILE_TIMEOUT_MS).unref()
