import { expect, it } from 'vitest'
import { CheckpointError, SchemaError, WriteError } from '../../../lib/errors.ts'
import { located } from '../../../lib/kafka/located.ts'
import { MessagePlaces } from '../../../lib/kafka/messagePlaces.ts'

const of = { topic: 'orders', partition: 7 }
const places = new MessagePlaces(false)

it('an error of an epoch names its partition, and keeps what it says', () => {
  const cause = new CheckpointError('ERR_CASSANDRA_REPLAY_DIFFERS', 'Expected the same rows', {
    location: '/c/7',
  })
  cause.unacknowledged = [{ from: 3, to: 5 }]
  expect(located(cause, of, places)).toMatchObject({
    name: 'CheckpointError',
    code: 'ERR_CASSANDRA_REPLAY_DIFFERS',
    message: 'Partition orders/7: Expected the same rows',
    location: '/c/7',
    unacknowledged: [{ from: 3, to: 5 }],
    cause,
  })
})

it('an error of a write names its partition, and an error of the table does not', () => {
  const failed = new WriteError('ERR_CASSANDRA_RETRY_TIMEOUT', 'Row 3 is not acknowledged')
  expect(located(failed, of, places).message).toBe('Partition orders/7: Row 3 is not acknowledged')
  const changed = new SchemaError('ERR_CASSANDRA_SCHEMA_CHANGED', 'ks.t was dropped')
  expect(located(changed, of, places)).toBe(changed)
})
