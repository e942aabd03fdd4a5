/**
 * Freezes the prototypes that a pollution would change. After that, an assignment to an inherited name such as `constructor`
 * throws. The drivers and the Kafka client are loaded first, because they make such assignments while they load.
 */
import '@platformatic/kafka'
import 'cassandra-driver'
import '../values/secondDriver.ts'

Object.freeze(Object.prototype)
Object.freeze(Array.prototype)
