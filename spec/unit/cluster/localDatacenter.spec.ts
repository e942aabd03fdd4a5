import { EventEmitter } from 'node:events'
import { type Client, type Host, type HostMap, policies, types } from 'cassandra-driver'
import { describe, expect, it } from 'vitest'
import { driverOptions } from '../../../lib/cluster/driverOptions.ts'
import { LocalDatacenterPolicy } from '../../../lib/cluster/localDatacenter.ts'
import { ConnectionError } from '../../../lib/index.ts'
import { writeSettingsOf } from '../../../lib/options/settings.ts'

const host = (address: string, datacenter: string) => ({ address: `${address}:9042`, datacenter }) as Host

const paris = [host('10.0.0.1', 'paris'), host('10.0.0.2', 'paris')]
const tokyo = [host('10.1.0.1', 'tokyo'), host('2001:db8::1', 'tokyo')]

/** A policy that was initialized with these hosts, and its error. */
function policyFor(contacts: string[], hosts: Host[]): { policy: LocalDatacenterPolicy; error: unknown } {
  const policy = new LocalDatacenterPolicy(new Set(contacts))
  const map = Object.assign(new EventEmitter(), { values: () => hosts }) as unknown as HostMap
  const client = { options: {}, log: () => {} } as unknown as Client
  let answer: unknown = 'no answer'
  policy.init(client, map, error => {
    answer = error ?? undefined
  })
  return { policy, error: answer }
}

function localsOf(policy: LocalDatacenterPolicy, hosts: Host[]): string[] {
  return hosts
    .filter(host => policy.getDistance(host) === types.distance.local)
    .map(({ datacenter }) => datacenter)
}

describe('the local datacenter', () => {
  const all = [...tokyo, ...paris]

  it('is that of the contact point, wherever that is in the list of hosts', () => {
    for (const [contact, name] of [
      ['10.0.0.2', 'paris'],
      ['10.1.0.1', 'tokyo'],
      ['2001:db8::1', 'tokyo'],
    ] as const) {
      const { policy, error } = policyFor([contact], all)
      expect(error).toBeUndefined()
      expect(localsOf(policy, all)).toEqual([name, name])
    }
  })

  it('is the only existing one if the contact points are no known hosts, as behind a proxy', () => {
    const { policy, error } = policyFor(['192.0.2.1'], paris)
    expect(error).toBeUndefined()
    expect(localsOf(policy, paris)).toEqual(['paris', 'paris'])
  })

  it('must be given if the contact points are in several datacenters', () => {
    const { error } = policyFor(['10.0.0.1', '10.1.0.1'], all)
    expect(error).toBeInstanceOf(ConnectionError)
    expect(error).toMatchObject({
      code: 'ERR_CASSANDRA_CONNECT',
      message: expect.stringMatching(/tokyo, paris.*`local_datacenter`/),
    })
  })

  it('must be given if there are several and the contact points are unknown', () => {
    expect(policyFor([], all).error).toBeInstanceOf(ConnectionError)
  })

  it('counts every host as local until it is known, so that the first connection can be opened', () => {
    const policy = new LocalDatacenterPolicy(new Set())
    expect(localsOf(policy, all).length).toBe(4)
  })
})

describe('local_datacenter beside a policy of the driver', () => {
  const { DefaultLoadBalancingPolicy } = policies.loadBalancing

  it.each([
    ['that has no datacenter is that of the policy', new DefaultLoadBalancingPolicy(), 'tokyo'],
    ['that has another one is ignored', new DefaultLoadBalancingPolicy({ localDc: 'paris' }), 'paris'],
  ])('%s', async (_, loadBalancing, datacenter) => {
    const options = await driverOptions(
      writeSettingsOf({
        host: '10.1.0.1',
        keyspace: 'ks',
        table: 't',
        local_datacenter: 'tokyo',
        client_options: { policies: { loadBalancing } },
      }),
    )
    const map = Object.assign(new EventEmitter(), {
      values: () => [...tokyo, ...paris],
    }) as unknown as HostMap
    const client = { options, log: () => {} } as unknown as Client
    const error = await new Promise(resolve => options.policies?.loadBalancing?.init(client, map, resolve))
    expect(error ?? undefined).toBeUndefined()
    const locals = [...tokyo, ...paris].filter(
      host => loadBalancing.getDistance(host) === types.distance.local,
    )
    expect(new Set(locals.map(host => host.datacenter))).toEqual(new Set([datacenter]))
  })
})
