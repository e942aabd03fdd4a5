import { isIP, isIPv4, isIPv6 } from 'node:net'
import { types } from 'cassandra-driver'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encoder, hex, reason } from './types.ts'

function accepts(text: string): boolean {
  try {
    encoder('inet')(text)
    return true
  } catch {
    return false
  }
}

/** Expands a valid IPv6 address with the URL parser, which shares no code with ours. */
function expanded(text: string): string {
  const [head = '', tail] = new URL(`http://[${text}]/`).hostname.slice(1, -1).split('::')
  const groups = (part: string | undefined) => (part ? part.split(':') : [])
  const zeros = new Array<string>(8 - groups(head).length - groups(tail).length).fill('0')
  return [...groups(head), ...(tail === undefined ? [] : zeros), ...groups(tail)]
    .map(group => group.padStart(4, '0'))
    .join('')
    .replace(/^0{20}ffff/, '')
}

describe('inet', () => {
  it.each([
    ['1.2.3.4', '01020304'],
    ['0.0.0.0', '00000000'],
    ['255.255.255.255', 'ffffffff'],
    ['::', '0'.repeat(32)],
    ['::1', `${'0'.repeat(31)}1`],
    ['1::', `0001${'0'.repeat(28)}`],
    ['2001:DB8::8:800:200c:417A', '20010db80000000000080800200c417a'],
    ['::ffff:1.2.3.4', '01020304'],
    ['0:0:0:0:0:FFFF:0102:0304', '01020304'],
    ['::1.2.3.4', `${'0'.repeat(24)}01020304`],
    ['::fffe:1.2.3.4', '00000000000000000000fffe01020304'],
    ['::1:ffff:1.2.3.4', '00000000000000000001ffff01020304'],
    ['64:ff9b::1.2.3.4', '0064ff9b000000000000000001020304'],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['1:2:3:4:5:6:7::', '00010002000300040005000600070000'],
    ['::2:3:4:5:6:7:8', '00000002000300040005000600070008'],
    ['1:2:3:4:5:6:1.2.3.4', '00010002000300040005000601020304'],
  ])('stores %s', (text, bytes) => {
    expect(hex('inet', text)).toBe(bytes)
  })

  it.each([
    '',
    ' ',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '999.1.1.1',
    '256.1.1.1',
    '01.2.3.4',
    '1.2.3.04',
    '1.2.3.4 ',
    '1.2.3.-4',
    '0x1.2.3.4',
    '1.2.3.4\n',
    '1..2.3',
    '.1.2.3',
    '1:2:3',
    ':',
    ':::',
    '1:',
    ':1',
    '1::2::3',
    '12345::',
    'g::',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4::5:6:7:8',
    '::1.2.3',
    '::1.2.3.4:5',
    '1.2.3.4::',
    '::256.1.1.1',
    '1:2:3:4:5:6:7:1.2.3.4',
    '[::1]',
    '::1/64',
    'localhost',
    '1:::2',
    '::1:',
    ':1::2',
  ])('refuses %j', text => {
    expect(reason('inet', text)).toBe('is not an IPv4 or IPv6 address')
  })

  it('refuses a zone with that reason', () => {
    expect(reason('inet', 'fe80::1%eth0')).toBe('has a zone, which Cassandra does not store')
  })

  it('accepts exactly the texts that Node accepts as addresses, except zones', () => {
    const characters = fc.constantFrom('0', '1', '9', '25', 'f', 'ffff', ':', '::', '.', '.1.', '1.2.3.4')
    const texts = fc.array(characters, { maxLength: 16 }).map(parts => parts.join(''))
    fc.assert(
      fc.property(fc.oneof(texts, fc.ipV4(), fc.ipV6(), fc.ipV4Extended()), text => {
        expect(accepts(text)).toBe(isIP(text) !== 0)
      }),
      { numRuns: 3000 },
    )
  })

  it('stores any IPv6 address as the URL parser reads it', () => {
    fc.assert(
      fc.property(fc.ipV6().filter(isIPv6), text => {
        expect(hex('inet', text)).toBe(expanded(text))
      }),
      { numRuns: 500 },
    )
  })

  it('stores any IPv4 address and InetAddress as its bytes', () => {
    fc.assert(
      fc.property(fc.ipV4().filter(isIPv4), text => {
        const bytes = Buffer.from(text.split('.').map(Number))
        expect(hex('inet', text)).toBe(bytes.toString('hex'))
        expect(hex('inet', new types.InetAddress(bytes))).toBe(bytes.toString('hex'))
      }),
    )
  })

  it('stores an InetAddress of an IPv4 address written as IPv6 as its 4 bytes, inside other types too', () => {
    const mapped = new types.InetAddress(Buffer.from('00000000000000000000ffff01020304', 'hex'))
    expect(hex('inet', mapped)).toBe('01020304')
    expect(hex('list<inet>', [mapped])).toBe('000000010000000401020304')
    expect(hex('tuple<inet>', [mapped])).toBe('0000000401020304')
    expect(hex('vector<inet, 1>', [mapped])).toBe('0401020304')
  })

  it('refuses numbers and bare bytes', () => {
    expect(reason('inet', 0x7f000001)).toBe('is a number')
    expect(reason('inet', Buffer.from([1, 2, 3, 4]))).toBe('is a Buffer')
  })
})
