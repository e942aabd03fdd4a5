import { describe, expect, it } from 'vitest'
import { type Fault, faultOf } from '../../../lib/write/fault.ts'

const serverError = (code: number, message = '') => Object.assign(new Error(message), { code })
const named = (name: string, message = '') => Object.assign(new Error(message), { name })
const noHost = (...inner: (Error | string | null)[]) =>
  Object.assign(named('NoHostAvailableError'), { innerErrors: { ...inner } })

const faults: readonly (readonly [string, unknown, Fault])[] = [
  ['server error', serverError(0x0000), 'retry'],
  ['unavailable', serverError(0x1000), 'retry'],
  ['overloaded', serverError(0x1001), 'slow'],
  ['is bootstrapping', serverError(0x1002), 'retry'],
  ['write timeout', serverError(0x1100), 'slow'],
  ['write failure', serverError(0x1500), 'retry'],
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
  ['all hosts down', noHost('Host considered as DOWN'), 'retry'],
  ['no host known', noHost(), 'retry'],
  ['all hosts without a connection', noHost(new Error('No connection available'), null), 'retry'],
  ['one host busy, one down', noHost('Host considered as DOWN', named('BusyConnectionError')), 'slow'],
  ['no host prepares in time', noHost(named('OperationTimedOutError')), 'slow'],
  ['unprepared that stays so', noHost(serverError(0x2500)), 'schema'],
  [
    'unprepared on one host, no answer of another',
    noHost(named('OperationTimedOutError'), serverError(0x2500)),
    'schema',
  ],
  ['unprepared', serverError(0x2500), 'schema'],
  ['batch too large', serverError(0x2200, 'Batch too large'), 'split'],
  ['a guardrail', serverError(0x2200, 'Guardrail items_per_collection violated'), 'row'],
  ['mutation too large', serverError(0x2200, 'Rejected an oversized mutation (25/16)'), 'row'],
  ['frame too large', serverError(0x2200, 'Request is too big: length 17 exceeds maximum'), 'row'],
  ['unauthorized', serverError(0x2100), 'unauthorized'],
  ['bad credentials', serverError(0x0100), 'credentials'],
  ['a syntax error', serverError(0x2000), 'fatal'],
  ['a bug in the driver', new TypeError('x is undefined'), 'fatal'],
  ['what is no error', 'text', 'fatal'],
]

describe('faultOf', () => {
  it.each(faults)('%s', (_, error, fault) => {
    expect(faultOf(error)).toBe(fault)
  })
})
