import { describe, expect, it } from 'vitest'
import { type Fault, faultOf, mayBeApplied, moreTelling } from '../../../lib/cluster/fault.ts'

const serverError = (code: number, message = '') => Object.assign(new Error(message), { code })
const named = (name: string, message = '') => Object.assign(new Error(message), { name })
const noHost = (...inner: (Error | string | null)[]) =>
  Object.assign(named('NoHostAvailableError'), { innerErrors: { ...inner } })

const faults: readonly (readonly [string, unknown, Fault])[] = [
  ['server error', serverError(0x0000), 'failure'],
  [
    'a table dropped while it is written',
    serverError(
      0x0000,
      'java.lang.IllegalArgumentException: Unknown CF 19bd4bf0-eb3b-11f1-81e2-a598c200053f',
    ),
    'schema',
  ],
  [
    'a keyspace dropped while it is written',
    serverError(0x0000, 'java.lang.AssertionError: Unknown keyspace ks'),
    'schema',
  ],
  ['unavailable', serverError(0x1000), 'unavailable'],
  ['overloaded', serverError(0x1001), 'slow'],
  ['is bootstrapping', serverError(0x1002), 'retry'],
  ['write timeout', serverError(0x1100), 'slow'],
  ['write failure', serverError(0x1500), 'failure'],
  ['read failure', serverError(0x1300), 'failure'],
  ['a transaction with an unknown outcome', serverError(0x1700), 'slow'],
  ['no room for change data capture', serverError(0x1600), 'retry'],
  ['a closed socket', Object.assign(new Error('closed'), { isSocketError: true }), 'retry'],
  [
    'a request not written',
    Object.assign(new Error('closed'), { isSocketError: true, requestNotWritten: true }),
    'retry',
  ],
  ['connection refused', Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }), 'retry'],
  ['no answer in time', named('OperationTimedOutError'), 'slow'],
  ['too many requests on a connection', named('BusyConnectionError'), 'slow'],
  ['a statement to prepare while connecting', new Error('No connection available'), 'retry'],
  [
    'a client that was shut down',
    Object.assign(named('NoHostAvailableError', 'Connecting after shutdown is not supported'), {
      innerErrors: null,
    }),
    'closed',
  ],
  [
    'no host, and no reason for any',
    Object.assign(named('NoHostAvailableError'), { innerErrors: null }),
    'retry',
  ],
  [
    'a statement that neither the driver nor the server knows any more',
    named('DriverInternalError', 'Unprepared response invalid, id: 0xab'),
    'schema',
  ],
  [
    'a guardrail on the size of pages',
    serverError(
      0x2200,
      'Guardrail page_size violated: Aborting query for table t, page size 5000 exceeds fail threshold of 1000.',
    ),
    'slow',
  ],
  ['a table that a node does not know', serverError(0x2200, 'unconfigured table t'), 'schema'],
  ['a table that is gone', serverError(0x2200, 'table ks.t does not exist'), 'schema'],
  ['a keyspace that a node does not know', serverError(0x2200, 'Keyspace ks does not exist'), 'schema'],
  [
    'a column that a node does not know',
    serverError(0x2200, 'Undefined column name v in table ks.t'),
    'schema',
  ],
  [
    'a cluster that refuses write times',
    serverError(
      0x2200,
      'Guardrail user_timestamps violated: User provided timestamps (USING TIMESTAMP) is not allowed',
    ),
    'timestamps',
  ],
  [
    'a write time that is too late for a guardrail',
    serverError(
      0x2200,
      'Guardrail maximum_timestamp violated: The modification to table t has a timestamp 9 after the maximum allowable ' +
        'maximum_timestamp threshold 8',
    ),
    'time',
  ],
  [
    'a write time that is too early for a guardrail',
    serverError(
      0x2200,
      'Guardrail minimum_timestamp violated: The modification to table t has a timestamp 8 before the minimum allowable ' +
        'minimum_timestamp threshold 9',
    ),
    'time',
  ],
  ['a type that a node does not know', serverError(0x2200, 'Unknown type ks.address'), 'schema'],
  [
    'a level that the transactions of a table refuse',
    serverError(
      0x2200,
      'LOCAL_QUORUM is unsupported with Accord for write/commit, supported are ANY, ONE, QUORUM, ALL, SERIAL',
    ),
    'consistency',
  ],
  [
    'a level that a guardrail refuses',
    serverError(
      0x2200,
      'Provided values [ONE] are not allowed for Write Consistency Levels (ignored values are: [])',
    ),
    'consistency',
  ],
  ['all hosts down', noHost('Host considered as DOWN'), 'retry'],
  ['no host known', noHost(), 'retry'],
  ['all hosts without a connection', noHost(new Error('No connection available'), null), 'retry'],
  ['one host busy, one down', noHost('Host considered as DOWN', named('BusyConnectionError')), 'slow'],
  ['no host prepares in time', noHost(named('OperationTimedOutError')), 'slow'],
  ['a statement that stays unprepared', noHost(serverError(0x2500)), 'schema'],
  [
    'unprepared on one host, no answer from another',
    noHost(named('OperationTimedOutError'), serverError(0x2500)),
    'schema',
  ],
  ['unprepared', serverError(0x2500), 'schema'],
  ['batch too large', serverError(0x2200, 'Batch too large'), 'split'],
  [
    'a replica whose disk is full',
    serverError(
      0x2200,
      'Guardrail replica_disk_usage violated: Write request failed because disk usage exceeds failure threshold',
    ),
    'retry',
  ],
  [
    'no room for change data capture, in protocol v3',
    serverError(0x2200, 'ERROR CDC_WRITE_FAILURE: Rejecting mutation to keyspace ks'),
    'retry',
  ],
  [
    'a partition that may not be written',
    serverError(0x2200, 'Unable to write to denylisted partition [0x00000007] in ks/t'),
    'row',
  ],
  ['a guardrail', serverError(0x2200, 'Guardrail items_per_collection violated'), 'row'],
  ['mutation too large', serverError(0x2200, 'Rejected an oversized mutation (25/16)'), 'row'],
  ['frame too large', serverError(0x2200, 'Request is too big: length 17 exceeds maximum'), 'row'],
  ['unauthorized', serverError(0x2100), 'unauthorized'],
  [
    'no replica has the permissions',
    serverError(
      0x2100,
      'Unable to perform authorization of permissions: Cannot achieve consistency level LOCAL_ONE',
    ),
    'retry',
  ],
  ['bad credentials', serverError(0x0100), 'credentials'],
  ['a syntax error', serverError(0x2000), 'fatal'],
  ['a bug in the driver', new TypeError('x is undefined'), 'fatal'],
  ['a value that is no error', 'text', 'fatal'],
]

describe('faultOf', () => {
  it.each(faults)('%s', (_, error, fault) => {
    expect(faultOf(error)).toBe(fault)
  })
})

describe('mayBeApplied', () => {
  it.each([
    ['a request that was not written', Object.assign(new Error('closed'), { requestNotWritten: true })],
    ['no connection', new Error('No connection available')],
    ['hosts that are down', noHost('Host considered as DOWN', null)],
    ['a busy connection', noHost(named('BusyConnectionError'))],
    ['unprepared', noHost(serverError(0x2500))],
    ['a server that starts', serverError(0x1002)],
    ['an invalid request', serverError(0x2200, 'Batch too large')],
  ])('is false of %s', (_, error) => {
    expect(mayBeApplied(error)).toBe(false)
  })

  it.each([
    ['a write timeout', serverError(0x1100)],
    ['a write failure', serverError(0x1500)],
    ['too few replicas for one partition of several', serverError(0x1000)],
    ['no answer', named('OperationTimedOutError')],
    ['a connection that broke', Object.assign(new Error('closed'), { isSocketError: true })],
    [
      'one host that did not answer, among others',
      noHost('Host considered as DOWN', named('OperationTimedOutError')),
    ],
    ['a value that is no error', undefined],
  ])('is true of %s', (_, error) => {
    expect(mayBeApplied(error)).toBe(true)
  })
})

describe('moreTelling', () => {
  const earlier = serverError(0x1001, 'Overloaded')

  it.each([
    ['no answer', named('OperationTimedOutError')],
    ['no answer from any host', noHost(named('OperationTimedOutError'))],
  ])('is the earlier error after %s in a shortened attempt', (_, later) => {
    expect(moreTelling(earlier, later, true)).toBe(earlier)
    expect(moreTelling(earlier, later, false)).toBe(later)
    expect(moreTelling(undefined, later, true)).toBe(later)
  })

  it.each([
    ['an answer', serverError(0x1200, 'Read timed out')],
    ['the answer of one host of two', noHost(named('OperationTimedOutError'), serverError(0x2500))],
    ['no host that may be asked', noHost()],
    ['a driver without a connection', Object.assign(named('NoHostAvailableError'), { innerErrors: null })],
    ['a connection that broke', Object.assign(new Error('closed'), { isSocketError: true })],
  ])('is the later error after %s', (_, later) => {
    expect(moreTelling(earlier, later, true)).toBe(later)
  })
})
