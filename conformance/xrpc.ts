/** XRPC over plain HTTP, as any client would speak it. */

export type Fields = Readonly<Record<string, unknown>>
export type Query = Readonly<Record<string, string | number | readonly string[] | undefined>>
export type Headers = Readonly<Record<string, string>>
export type Answer = { readonly status: number; readonly body: unknown }

const search = (query: Query): string => {
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue
    for (const one of Array.isArray(value) ? (value as readonly string[]) : [String(value)])
      params.append(name, one)
  }
  return params.size > 0 ? `?${params.toString()}` : ''
}

const read = async (response: Response): Promise<Answer> => {
  const text = await response.text()
  return { status: response.status, body: text === '' ? null : (JSON.parse(text) as unknown) }
}

export type Get = { readonly nsid: string; readonly query?: Query; readonly headers?: Headers }

export const get = async (service: string, { nsid, query = {}, headers = {} }: Get): Promise<Answer> =>
  read(await fetch(`${service}/xrpc/${nsid}${search(query)}`, { headers }))

export type Post = { readonly nsid: string; readonly input?: Fields; readonly headers?: Headers }

/** Throws unless the answer is 200. */
export const post = async <T>(service: string, { nsid, input, headers = {} }: Post): Promise<T> => {
  const answer = await read(
    await fetch(`${service}/xrpc/${nsid}`, {
      method: 'POST',
      headers: { ...headers, ...(input && { 'content-type': 'application/json' }) },
      ...(input && { body: JSON.stringify(input) }),
    }),
  )
  if (answer.status !== 200)
    throw new Error(`${nsid} answered ${answer.status}: ${JSON.stringify(answer.body)}`)
  return answer.body as T
}
