// A server on jsmodbus: `node jsmodbus_peer.js FOLDER_OF_PACKAGES PORT`. Prints READY; ends with its parent.
// Holding registers 0..199 hold 1000 + address, input registers 2000 + address.
const net = require("net");
const path = require("path");
const modbus = require(path.join(process.argv[2], "node_modules", "jsmodbus"));
const filled = (base) => {
  const buffer = Buffer.alloc(400);
  for (let i = 0; i < 200; i++) buffer.writeUInt16BE(base + i, 2 * i);
  return buffer;
};
const server = new net.Server();
new modbus.server.TCP(server, { holding: filled(1000), input: filled(2000) });
server.listen(Number(process.argv[3]), "127.0.0.1", () => console.log("READY"));
const parent = process.ppid;
setInterval(() => process.ppid !== parent && process.exit(0), 200);
