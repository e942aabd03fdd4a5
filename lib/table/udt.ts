import type { CqlType } from './cqlType.ts'

/** Whether the type contains a user-defined type. */
export function hasUdt(type: CqlType): boolean {
  switch (type.kind) {
    case 'udt':
      return true
    case 'list':
    case 'set':
    case 'vector':
      return hasUdt(type.element)
    case 'map':
      return hasUdt(type.key) || hasUdt(type.value)
    case 'tuple':
      return type.elements.some(hasUdt)
    default:
      return false
  }
}

/** Whether the type contains a vector of a user-defined type. */
export function hasUdtInVector(type: CqlType): boolean {
  switch (type.kind) {
    case 'vector':
      return hasUdt(type.element)
    case 'list':
    case 'set':
      return hasUdtInVector(type.element)
    case 'map':
      return hasUdtInVector(type.key) || hasUdtInVector(type.value)
    case 'tuple':
      return type.elements.some(hasUdtInVector)
    case 'udt':
      return type.fields.some(field => hasUdtInVector(field.type))
    default:
      return false
  }
}
