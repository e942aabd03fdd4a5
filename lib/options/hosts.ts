import { isIP, isIPv6 } from 'node:net'

/** Contact points as they were given: names or addresses, and the ports that follow some of them. */
export interface Hosts {
  readonly names: readonly string[]
  readonly ports: readonly number[]
}

/** `[::1]`, with or without a port. */
const bracketed = /^\[([^\]]*)\](?::(\d{1,5}))?$/

/**
 * A name or IPv4 address, with or without a port. A URL or a connection string is refused: everything beyond its host
 * would be lost, and a password in it would be looked up and shown as a host name.
 */
const named = /^([^\s/@:[\],;=?&]+)(?::(\d{1,5}))?$/

/** Reads a host, a comma-separated list, or an array of hosts. Undefined for anything else. */
export function parseHosts(given: unknown): Hosts | undefined {
  const list: readonly unknown[] =
    typeof given === 'string' ? given.split(',') : Array.isArray(given) ? given : []
  const names: string[] = []
  const ports = new Set<number>()
  for (const entry of list) {
    const host = typeof entry === 'string' ? parseHost(entry.trim()) : undefined
    if (host === undefined) return undefined
    names.push(host.name)
    if (host.port !== undefined) ports.add(host.port)
  }
  return names.length === 0 ? undefined : { names, ports: [...ports] }
}

function parseHost(text: string): { readonly name: string; readonly port: number | undefined } | undefined {
  if (isIP(text)) return { name: text, port: undefined }
  const [, address = '', addressPort] = bracketed.exec(text) ?? []
  const [, name = '', namePort] = named.exec(text) ?? []
  const port = addressPort ?? namePort
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)) return undefined
  const host = isIPv6(address) ? address : name
  return host === '' ? undefined : { name: host, port: port === undefined ? undefined : Number(port) }
}
