/**
 * Freezes the prototypes that a pollution would change. After that, an assignment to an inherited name such as `constructor`
 * throws. The drivers are loaded first, because their dependency `long` makes such assignments while it loads.
 */
import 'cassandra-driver'
import '../values/secondDriver.ts'

Object.freeze(Object.prototype)
Object.freeze(Array.prototype)
