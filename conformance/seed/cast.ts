/** Who takes part: accounts with profiles, and who follows whom. */
import { Account, strong, type Scene } from './account.ts'
import { picture } from './media.ts'

const NAMES = [
  'alice',
  'bob',
  'carol',
  'dan',
  'eve',
  'frank',
  'gina',
  'henry',
  'iris',
  'jack',
  'kate',
  'liam',
  'mona',
  'nora',
] as const

export type Name = (typeof NAMES)[number]
export type Cast = Readonly<Record<Name, Account>>

const FOLLOWS: readonly (readonly [Name, readonly Name[]])[] = [
  ['alice', ['bob', 'carol', 'dan', 'frank', 'gina', 'kate', 'mona']],
  ['bob', ['alice', 'carol', 'eve', 'frank']],
  ['carol', ['alice', 'bob', 'henry']],
  ['dan', ['alice', 'eve', 'iris']],
  ['eve', ['alice', 'dan', 'jack']],
  ['frank', ['alice', 'bob', 'gina']],
  ['gina', ['alice', 'frank']],
  ['henry', ['carol', 'alice']],
  ['kate', ['alice', 'liam']],
  ['liam', ['kate', 'bob', 'mona']],
]

const writeProfile = async (account: Account): Promise<void> => {
  const record = {
    displayName: account.name.toUpperCase(),
    description: `This is ${account.name}`,
    avatar: await picture(account, `avatar of ${account.name}`),
    banner: await picture(account, `banner of ${account.name}`),
  }
  await account.create('app.bsky.actor.profile', record, { rkey: 'self' })
}

/** Profiles in every shape that is allowed: bare, undated, labelled, pinned, edited, removed, under a key that is not `self`. */
const oddProfiles = async ({ bob, eve, liam, mona, jack, nora }: Cast): Promise<void> => {
  const profile = 'app.bsky.actor.profile'
  const self = (account: Account) => ({ uri: account.uriOf(profile, 'self') })
  const pinned = await bob.post('pin me')
  const labels = {
    $type: 'com.atproto.label.defs#selfLabels',
    values: [{ val: 'porn' }, { val: '!no-unauthenticated' }],
  }
  await bob.put(self(bob), { displayName: 'Bob the second', pinnedPost: strong(pinned), pronouns: 'he/him' })
  await eve.put(self(eve), {
    displayName: 'Eve',
    description: '',
    labels,
    website: 'https://example.com/eve',
  })
  await liam.create(profile, { displayName: 'an undated profile', createdAt: undefined }, { rkey: 'self' })
  await mona.create(profile, {}, { rkey: 'self' })
  await mona.delete(self(mona))
  await jack.create(profile, { displayName: 'gone' }, { rkey: 'self' })
  await jack.delete(self(jack))
  await jack.create(profile, { displayName: 'Jack again' }, { rkey: 'self' })
  await nora.create(profile, { displayName: 'not self' }, { rkey: 'other', validate: false })
}

const WITH_PROFILE: readonly Name[] = [
  'alice',
  'bob',
  'carol',
  'dan',
  'eve',
  'frank',
  'gina',
  'henry',
  'iris',
  'kate',
]

export const gather = async (scene: Scene): Promise<Cast> => {
  const accounts: Partial<Record<Name, Account>> = {}
  for (const name of NAMES) accounts[name] = await Account.create(scene, name)
  const cast = accounts as Cast
  for (const name of WITH_PROFILE) await writeProfile(cast[name])
  for (const [name, others] of FOLLOWS) for (const other of others) await cast[name].follow(cast[other])
  await oddProfiles(cast)
  return cast
}
