// What the package offers to programs that import it.
export { PearClient, type ClassifiedImage, type ClientImage, type ReplyItem } from './pear-client.js';
export { OtherCertificateError, type ClientTls } from './open-socket.js';
export { ConnectionLostError, WireError, errorCodes, type ErrorCode } from '../errors.js';
