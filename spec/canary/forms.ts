import { inspect } from 'node:util'

/** A secret as it is, and as it appears in `inspect` output, in JSON, in a URL and in bytes. */
export function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret)
  const hex = bytes.toString('hex')
  return [
    ...new Set([
      secret,
      JSON.stringify(secret).slice(1, -1),
      inspect(secret).slice(1, -1),
      encodeURIComponent(secret),
      ...[0, 1, 2].flatMap(before => base64Of(bytes, before)),
      hex,
      hex.toUpperCase(),
      hex.match(/../g)?.join(' ') ?? '',
      bytes.join(','),
      bytes.join(', '),
    ]),
  ]
}

/** The characters that bytes have in base64 whatever surrounds them, for example in `user:password` of an HTTP header. */
function base64Of(bytes: Buffer, before: number): string[] {
  const surrounded = Buffer.concat([Buffer.alloc(before), bytes])
  const [from, to] = [Math.ceil((before * 8) / 6), Math.floor((surrounded.length * 8) / 6)]
  return (['base64', 'base64url'] as const).map(alphabet => surrounded.toString(alphabet).slice(from, to))
}
