import { types } from 'cassandra-driver'
import { OptionError } from '../errors.ts'
import { type CqlType, scalarNames } from '../table/cqlType.ts'
import type { BoundType } from '../table/preparations.ts'
import type { Column } from '../table/schema.ts'
import { Bytes } from '../value/bytes.ts'
import { encoderFor } from '../value/encoder.ts'
import { Refusal } from '../value/refusal.ts'
import type { BoundColumn } from './pageReader.ts'

/** Maximum number of bytes of one parameter: the largest frame of the protocol. */
const MOST_BYTES = 256 * 1024 * 1024

/**
 * Encodes the parameters of `where` as a sink encodes values, by the types that the server reports. If the server reports the
 * name of a class, the column of the parameter's name decides.
 * @throws OptionError that names the parameter
 */
export function encodeParams(
  params: readonly unknown[],
  bound: readonly BoundColumn[],
  columns: readonly Column[],
): readonly unknown[] {
  if (params.length !== bound.length) {
    throw refused(`a value for each of the ${bound.length} \`?\` of \`where\`, got ${params.length}`)
  }
  return params.map((param, i) => {
    const { name, type: told } = bound[i] as BoundColumn
    const type = typeOf(told) ?? columns.find(column => column.name === name)?.type
    // If neither decides, the driver encodes the value.
    if (type === undefined || type.kind === 'unsupported') return param
    const out = new Bytes(MOST_BYTES)
    out.begin()
    try {
      encoderFor(type)(param, out)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      throw refused(`values that fit \`where\`: parameter ${i} ${error.reason}`)
    }
    const { slab, start, end } = out.close()
    return Buffer.from(slab.subarray(start, end))
  })
}

function refused(expected: string): OptionError {
  return new OptionError('ERR_CASSANDRA_OPTION', 'params', `Expected \`params\` to have ${expected}`)
}

const names = new Map<number, (typeof scalarNames)[number]>(
  scalarNames.map(name => [types.dataTypes[name], name]),
)
names.set(types.dataTypes.varchar, 'text')
names.set(types.dataTypes.counter, 'bigint')

/** The type as the driver reads it from an answer. Undefined if a part of it comes as the name of a class. */
function typeOf({ code, info }: BoundType): CqlType | undefined {
  const name = names.get(code)
  if (name !== undefined) return { kind: 'scalar', name }
  switch (code) {
    case types.dataTypes.list:
    case types.dataTypes.set: {
      const element = typeOf(info as BoundType)
      const kind = code === types.dataTypes.list ? 'list' : 'set'
      return element && { kind, element, frozen: true }
    }
    case types.dataTypes.map: {
      const [key, value] = (info as [BoundType, BoundType]).map(typeOf)
      return key && value && { kind: 'map', key, value, frozen: true }
    }
    case types.dataTypes.tuple: {
      const elements = (info as readonly BoundType[]).map(typeOf)
      return elements.every(element => element !== undefined) ? { kind: 'tuple', elements } : undefined
    }
    case types.dataTypes.udt: {
      const { name, fields } = info as { name: string; fields: readonly { name: string; type: BoundType }[] }
      const found = fields.flatMap(field => {
        const type = typeOf(field.type)
        return type === undefined ? [] : [{ name: field.name, type }]
      })
      return found.length === fields.length ? { kind: 'udt', name, fields: found, frozen: true } : undefined
    }
    default:
      return undefined
  }
}
