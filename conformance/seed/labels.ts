/** Labels by the real labeler: on accounts and posts, with an end, negated. */
import type { Network } from '../network.ts'
import type { Cast } from './cast.ts'
import { strong, type Ref } from './account.ts'
import type { Posts } from './posts.ts'

type Change = {
  readonly add?: readonly string[]
  readonly remove?: readonly string[]
  readonly hours?: number
}

const account = ({ did }: { did: string }) => ({ $type: 'com.atproto.admin.defs#repoRef', did })
const record = (ref: Ref) => ({ $type: 'com.atproto.repo.strongRef', ...strong(ref) })

export const label = async (network: Network, cast: Cast, posts: Posts): Promise<void> => {
  const client = network.ozone.getModClient()
  const emit = (subject: object, { add = [], remove = [], hours }: Change) =>
    client.emitEvent({
      event: {
        $type: 'tools.ozone.moderation.defs#modEventLabel',
        createLabelVals: add,
        negateLabelVals: remove,
        comment: 'by the book',
        ...(hours !== undefined && { durationInHours: hours }),
      },
      subject,
      createdBy: network.ozone.ctx.cfg.service.did,
    })
  await emit(record(posts.plain), { add: ['spam', 'rude'] })
  await emit(record(posts.pictures), { add: ['nudity'] })
  await emit(record(posts.pictures), { remove: ['nudity'] })
  await emit(record(posts.quote), { add: ['misleading'], hours: 24 })
  await emit(account(cast.eve), { add: ['impersonation', 'spam'] })
  await emit(account(cast.eve), { remove: ['spam'] })
  await emit(account(cast.dan), { add: ['spam'] })
  await emit(account(cast.dan), { remove: ['spam'] })
  await emit(account(cast.dan), { add: ['spam'] })
  await network.processAll()
}
