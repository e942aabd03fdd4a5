import { createRequire } from 'node:module'
import type { CqlType } from '../../../lib/table/cqlType.ts'

interface ColumnInfo {
  readonly code: number
  readonly info?: unknown
  readonly customTypeName?: string
}

interface DriverCodec {
  decode(bytes: Buffer, type: ColumnInfo): unknown
}

const require = createRequire(import.meta.url)
const Encoder: new (version: number, options: object) => DriverCodec = require('cassandra-driver/lib/encoder')
const codes: Record<string, number> = require('cassandra-driver').types.dataTypes

const codec = new Encoder(4, { encoding: { map: Map } })

/** Our bytes as the driver reads them, with maps as Map. Shares no code with our encoders. */
export function readByDriver(type: CqlType, bytes: Buffer): unknown {
  return codec.decode(bytes, columnInfo(type))
}

function columnInfo(type: CqlType): ColumnInfo {
  switch (type.kind) {
    case 'scalar':
      // The server's name of text.
      return { code: code(type.name === 'text' ? 'varchar' : type.name) }
    case 'list':
    case 'set':
      return { code: code(type.kind), info: columnInfo(type.element) }
    case 'map':
      return { code: code('map'), info: [columnInfo(type.key), columnInfo(type.value)] }
    case 'tuple':
      return { code: code('tuple'), info: type.elements.map(columnInfo) }
    case 'udt':
      return {
        code: code('udt'),
        info: {
          name: type.name,
          fields: type.fields.map(field => ({ name: field.name, type: columnInfo(field.type) })),
        },
      }
    case 'vector':
      return {
        code: code('custom'),
        customTypeName: 'vector',
        info: [columnInfo(type.element), type.dimension],
      }
    case 'unsupported':
      throw new Error(`No value has the type ${type.text}`)
  }
}

function code(name: string): number {
  const found = codes[name]
  if (found === undefined) throw new Error(`the driver has no type ${name}`)
  return found
}
