import {
  AuthenticationError,
  MultipleErrors,
  NetworkError,
  ProtocolError,
  ResponseError,
  TimeoutError,
  UserError,
} from '@platformatic/kafka'
import { describe, expect, it } from 'vitest'
import {
  fencedBy,
  isFenced,
  isHopeless,
  isUnknownTopic,
  mayPass,
} from '../../../lib/kafka/platformaticErrors.ts'

const refused = (code: number) => new ResponseError(11, 9, { '/': [code, null] }, {})

describe('errors of @platformatic/kafka', () => {
  it.each([
    ['a wrong password', new AuthenticationError('no')],
    ['a group that may not be used', refused(30)],
    ['a name of an instance that another member has', refused(82)],
    ['one of those among several', new MultipleErrors('failed', [new NetworkError('reset'), refused(82)])],
    [
      'a version that the broker does not support',
      Object.assign(new Error(), { code: 'PLT_KFK_UNSUPPORTED_API' }),
    ],
  ])('are hopeless for a join: %s', (_, error) => {
    expect(isHopeless(error)).toBe(true)
  })

  it.each([
    ['a connection that ends', new NetworkError('reset')],
    ['no answer', new TimeoutError('late')],
    ['a coordinator that is loading', refused(14)],
    ['a name of an instance whose member has not left yet', refused(111)],
    ['an error that the broker cannot explain', new ProtocolError(-1)],
    ['several of those', new MultipleErrors('failed', [new NetworkError('reset'), refused(14)])],
    ['no error', undefined],
  ])('are not hopeless for a join: %s', (_, error) => {
    expect(isHopeless(error)).toBe(false)
  })

  it('of a partition pass when its leader moves, and not when it may not be read', () => {
    expect([-1, 5, 6, 9, 74].filter(mayPass)).toEqual([-1, 5, 6, 9, 74])
    expect([1, 2, 29].filter(mayPass)).toEqual([])
  })

  it('say that a topic is unknown', () => {
    expect(isUnknownTopic(new UserError('Unknown topic t.'))).toBe(true)
    expect(isUnknownTopic(new NetworkError('reset'))).toBe(false)
  })

  it('for a shared instance become one that says what to do', () => {
    const error = refused(82)
    expect(isFenced(error)).toBe(true)
    expect(isFenced(refused(25))).toBe(false)
    expect(fencedBy(error, 'g', 'pod-1')).toMatchObject({
      code: 'ERR_CASSANDRA_KAFKA',
      cause: error,
      message: expect.stringMatching(
        /group g has the same `groupInstanceId`, pod-1, .* Give each process its own/,
      ),
    })
  })
})
