/** The console: one page without a build step. */
export const consolePage = () => ({
  status: 200,
  type: 'text/html; charset=utf-8',
  body: '<!doctype html><title>Millrace</title>',
})
