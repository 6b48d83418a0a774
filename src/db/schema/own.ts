/**
 * Millrace's own tables, in schema `millrace`, as numbered migrations. A migration that has been released is never edited:
 * a change is a further one.
 */
export type Migration = { readonly number: number; readonly name: string; readonly sql: string }

export const MIGRATIONS: readonly Migration[] = [
  {
    number: 1,
    name: 'guards',
    // Keys of record_rev are hashes, so every page is rewritten now and then: room on the page keeps such an update off
    // the index, and vacuum comes after 2 % of dead rows rather than after 20 % of a billion.
    sql: `
      CREATE TABLE millrace.record_rev (
        key uuid PRIMARY KEY,
        rev bigint NOT NULL,
        deleted boolean NOT NULL
      ) WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05);
      COMMENT ON TABLE millrace.record_rev IS
        'Newest rev per record and whether it was a delete; key = 8 bytes sha256(did) + 8 bytes sha256(collection/rkey)';
      CREATE TABLE millrace.account (
        did text PRIMARY KEY,
        active boolean NOT NULL,
        status text,
        time text NOT NULL,
        seq bigint NOT NULL,
        "deletedAt" text
      ) WITH (fillfactor = 90);
      COMMENT ON TABLE millrace.account IS
        'Newest account event per account: older ones change nothing; events up to deletedAt are void';
      CREATE TABLE millrace.identity_work (
        did text PRIMARY KEY,
        time text NOT NULL,
        force boolean NOT NULL,
        "checkStatus" boolean NOT NULL,
        tries integer NOT NULL DEFAULT 0,
        due timestamptz NOT NULL DEFAULT now()
      ) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
      CREATE INDEX identity_work_due_idx ON millrace.identity_work (due);
      COMMENT ON TABLE millrace.identity_work IS 'Accounts whose identity or status is to be looked up on the network';
      CREATE TABLE millrace.meta (key text PRIMARY KEY, value text);`,
  },
  {
    number: 2,
    name: 'past',
    // What the tables above no longer say, as far as other records depend on it: only what was replaced or deleted (and of gates,
    // of which there are few, everything), never what a table still holds.
    sql: `
      ALTER TABLE millrace.record_rev ADD COLUMN dating smallint, ADD COLUMN "formerDating" smallint;
      COMMENT ON COLUMN millrace.record_rev.dating IS
        'What dates the version that stands: 0 its own event, 1 the fetch that brought it, 2 its event, which came after the fetch';
      CREATE TABLE millrace.gate_version (
        key uuid NOT NULL,
        at text NOT NULL,
        rev bigint NOT NULL,
        fetched boolean NOT NULL,
        cid text,
        json text,
        PRIMARY KEY (key, at, rev)
      );
      COMMENT ON TABLE millrace.gate_version IS
        'Every version of a thread gate or post gate, with the time from which it counted; no json: deleted. Key as in record_rev';
      CREATE TABLE millrace.past_link (
        key uuid NOT NULL,
        at text NOT NULL,
        "createdAt" text,
        link uuid,
        PRIMARY KEY (key, at)
      );
      CREATE INDEX past_link_link_idx ON millrace.past_link (link) WHERE link IS NOT NULL;
      COMMENT ON TABLE millrace.past_link IS
        'Follows and list items that are no more: whom they linked (hash) from at to the next line of the key; no link: an end';
      CREATE TABLE millrace.deleted_post (
        uri text PRIMARY KEY,
        "deletedAt" text,
        seen text,
        "replyRoot" text,
        "replyParent" text,
        mentions text[] NOT NULL DEFAULT '{}',
        invalid boolean NOT NULL DEFAULT false
      );
      CREATE INDEX deleted_post_parent_idx ON millrace.deleted_post ("replyParent") WHERE "replyParent" IS NOT NULL;
      COMMENT ON TABLE millrace.deleted_post IS
        'Where a deleted post hung in its thread, and whom it mentioned; seen: indexedAt of the version that said so, null: none came';
      CREATE TABLE millrace.gate_question (
        subject uuid NOT NULL,
        post text NOT NULL,
        PRIMARY KEY (subject, post)
      );
      COMMENT ON TABLE millrace.gate_question IS
        'Posts whose standing is to be looked at again when the subject (hash of a link, or of a post) comes, late or at last';
      CREATE TABLE millrace.verification_version (
        uri text NOT NULL,
        at text NOT NULL,
        rev bigint NOT NULL,
        fetched boolean NOT NULL,
        cid text,
        subject text,
        "createdAt" text,
        PRIMARY KEY (uri, at, rev)
      );
      CREATE INDEX verification_version_subject_idx ON millrace.verification_version (subject);
      CREATE INDEX verification_version_author_idx ON millrace.verification_version (split_part(uri, '/', 3));
      COMMENT ON TABLE millrace.verification_version IS
        'Every version of a verification, with the time of its event; no cid: deleted';
      CREATE TABLE millrace.label_negation (
        src text NOT NULL,
        uri text NOT NULL,
        val text NOT NULL,
        cts text NOT NULL,
        PRIMARY KEY (src, uri, val)
      );
      COMMENT ON TABLE millrace.label_negation IS
        'Latest negation of a label whatever its cid, also where a newer label has taken its row';`,
  },
  {
    number: 3,
    name: 'dropped',
    // No unique key: two writers that drop the same event must not wait for each other.
    sql: `
      CREATE TABLE millrace.dropped (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        key uuid NOT NULL,
        did text NOT NULL,
        uri text NOT NULL,
        rev text,
        at text,
        reason text NOT NULL,
        detail text NOT NULL,
        seen timestamptz NOT NULL DEFAULT now()
      ) WITH (autovacuum_vacuum_scale_factor = 0.02);
      CREATE INDEX dropped_key_idx ON millrace.dropped (key);
      COMMENT ON TABLE millrace.dropped IS
        'The last 10,000 events that were dropped as invalid, and why; key: hash of the DID and of what else tells one from another';`,
  },
]
