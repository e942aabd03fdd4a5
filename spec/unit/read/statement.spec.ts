import { describe, expect, it } from 'vitest'
import { SchemaError } from '../../../lib/errors.ts'
import { readSettingsOf } from '../../../lib/options/readSettings.ts'
import { ReadStatement } from '../../../lib/read/statement.ts'
import { parseCqlType } from '../../../lib/table/cqlType.ts'
import type { TableSchema } from '../../../lib/table/schema.ts'
import { FakeClient } from '../../fake/fakeClient.ts'

const schema: TableSchema = {
  id: '',
  keyspace: 'ks',
  name: 't',
  columns: [{ name: 'id', kind: 'partition_key', cql: 'int', type: parseCqlType('int', () => undefined) }],
}
const statement = new ReadStatement(
  schema,
  readSettingsOf({ client: new FakeClient().asClient, keyspace: 'ks', table: 't' }),
)

describe('a read of a table that is dropped', () => {
  it('says what happened and what to do, and quotes the server last', () => {
    const cause = Object.assign(new Error('table t does not exist'), { code: 0x2200 })
    const error = statement.explain(cause, 'schema', '')
    expect(error).toBeInstanceOf(SchemaError)
    expect(error).toMatchObject({
      code: 'ERR_CASSANDRA_SCHEMA_CHANGED',
      message:
        'ks.t was dropped, created again or altered while it was read, so the read has ended. If the table still exists, ' +
        'start the read again. Cassandra reported: table t does not exist',
      cause,
    })
  })
})
