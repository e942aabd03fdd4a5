import { types } from 'cassandra-driver'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { type Connection, connect } from '../../lib/cluster/connect.ts'
import { datacentersOf } from '../../lib/cluster/datacenters.ts'
import type { ConsistencyName } from '../../lib/options/options.ts'
import { writeSettingsOf } from '../../lib/options/settings.ts'
import { CqlProxy } from '../proxy/cqlProxy.ts'
import { faultCodes, levelsOf } from '../proxy/frame.ts'
import { sealOf } from '../unit/checkpoint/epochs.ts'
import { useKeyspace } from './keyspace.ts'
import { type Place, TableCheckpoints } from './tableCheckpoints.ts'

const ks = useKeyspace('checkpoint_levels_spec')
const checkpoints = new TableCheckpoints(ks)
const { serial, quorum, localSerial, localQuorum } = types.consistencies

/** Requests for the row of a checkpoint, as the server gets them. */
let requests: { readonly verb: string; readonly consistency: number; readonly serial: number | undefined }[]
let proxy: CqlProxy
let connection: Connection
beforeAll(async () => {
  await checkpoints.open(checkpoints.place())
  proxy = await CqlProxy.start(inject('cassandra'))
  const { host, port } = proxy
  const settings = writeSettingsOf({ host, port, keyspace: ks.name, table: 't' })
  connection = await connect(settings, new AbortController().signal)
})
beforeEach(() => {
  requests = []
  proxy.decided = new RegExp(`(?:FROM|INTO|UPDATE) "${ks.name}"\\."checkpoints"`)
  proxy.decide = ({ cql, frame }) => {
    requests.push({ verb: cql.split(' ')[0] ?? '', ...levelsOf(frame) })
    return undefined
  }
})
afterAll(async () => {
  await connection?.close()
  await proxy?.stop()
})

const openAt = (place: Place, consistency: ConsistencyName) =>
  checkpoints.open(place, { client: connection.client, consistency })

it('the datacenter of a client is known', () => {
  const { localDataCenter } = inject('cassandra')
  expect([datacentersOf(ks.client), datacentersOf(connection.client)]).toEqual([
    [localDataCenter],
    [localDataCenter],
  ])
})

describe('the requests of a checkpoint in a table', () => {
  it.each<[ConsistencyName, number, number]>([
    ['LOCAL_QUORUM', localSerial, localQuorum],
    ['LOCAL_ONE', localSerial, localQuorum],
    ['QUORUM', serial, quorum],
    ['EACH_QUORUM', serial, quorum],
    // A change that one replica has could be lost with it.
    ['ONE', serial, quorum],
  ])(
    'at %s read with a serial level, and change by transactions at it',
    async (consistency, level, commit) => {
      const place = checkpoints.place()
      const first = await openAt(place, consistency)
      await first.seal(sealOf(0))
      await first.commit()
      await openAt(place, consistency)
      await expect(first.seal(sealOf(1))).rejects.toMatchObject({ code: 'ERR_CASSANDRA_FENCED' })
      expect(new Set(requests.map(({ verb }) => verb))).toEqual(new Set(['SELECT', 'INSERT', 'UPDATE']))
      for (const request of requests) {
        const isRead = request.verb === 'SELECT'
        expect(request).toEqual({ verb: request.verb, consistency: isRead ? level : commit, serial: level })
      }
    },
  )

  it('read with a serial level after a change whose outcome is unknown', async () => {
    const checkpoint = await openAt(checkpoints.place(), 'LOCAL_QUORUM')
    const { decide } = proxy
    let isLost = false
    proxy.decide = write => {
      decide(write)
      if (isLost || !write.cql.startsWith('UPDATE')) return undefined
      isLost = true
      return { answer: { code: faultCodes.writeTimeout, message: 'CAS operation timed out' } }
    }
    requests = []
    await checkpoint.seal(sealOf(0))
    expect(requests).toEqual([
      { verb: 'UPDATE', consistency: localQuorum, serial: localSerial },
      { verb: 'SELECT', consistency: localSerial, serial: localSerial },
    ])
  })
})
