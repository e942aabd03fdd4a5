import {
  type Client,
  type EmptyCallback,
  type ExecutionOptions,
  type Host,
  type HostMap,
  policies,
  types,
} from 'cassandra-driver'
import { finalFailure } from './finalFailure.ts'

const { DefaultLoadBalancingPolicy, LoadBalancingPolicy } = policies.loadBalancing

/** The driver's default policy, for the datacenter of the contact points. */
export class LocalDatacenterPolicy extends LoadBalancingPolicy {
  readonly #contactAddresses: ReadonlySet<string>
  #policy: policies.loadBalancing.DefaultLoadBalancingPolicy | undefined

  constructor(contactAddresses: ReadonlySet<string>) {
    super()
    this.#contactAddresses = contactAddresses
  }

  override init(client: Client, hosts: HostMap, callback: EmptyCallback): void {
    const all = hosts.values()
    const contacts = all.filter(host => this.#contactAddresses.has(withoutPort(host.address)))
    const names = new Set((contacts.length > 0 ? contacts : all).map(host => host.datacenter))
    const [name] = names
    if (names.size !== 1 || name === undefined) {
      const found = [...names].join(', ')
      const advice = 'name one with `local_datacenter`'
      callback(finalFailure(`The contact points are in several datacenters (${found}): ${advice}`))
      return
    }
    this.#policy = new DefaultLoadBalancingPolicy({ localDc: name })
    this.#policy.init(client, hosts, callback)
  }

  override getDistance(host: Host): types.distance {
    return this.#policy?.getDistance(host) ?? types.distance.local
  }

  override newQueryPlan(
    keyspace: string,
    executionOptions: ExecutionOptions,
    callback: (error: Error, iterator: Iterator<Host>) => void,
  ): void {
    if (this.#policy !== undefined) this.#policy.newQueryPlan(keyspace, executionOptions, callback)
    else callback(new Error('The hosts are not known yet'), [][Symbol.iterator]())
  }

  override getOptions(): Map<string, object> {
    return this.#policy?.getOptions() ?? new Map()
  }
}

function withoutPort(address: string): string {
  return address.slice(0, address.lastIndexOf(':'))
}
