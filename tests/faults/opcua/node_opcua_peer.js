// An OPC-UA server of another family than the gateway's client library, for the fault matrix. README.md: the protocol.
//
// node node_opcua_peer.js --port N --pki FOLDER [--shift] [--without NAME] [--items N] [--limit N] [--certificate NAME]
//     [--history] [--per-subscription N] [--sessions N] [--subscriptions N] [--fastest MS]
"use strict";
const fs = require("fs");
const path = require("path");
const readline = require("readline");
const { parseArgs } = require("util");
globalThis.crypto ??= require("crypto").webcrypto; // the Node.js 18 of Debian 12 does not hand it out by itself
const opcua = require("node-opcua");
const { DataType, StatusCodes, StatusCode, OPCUAServer } = opcua;

const PERIOD_MS = 50;
const { values: options } = parseArgs({
  options: {
    port: { type: "string" },
    pki: { type: "string" },
    shift: { type: "boolean", default: false },
    without: { type: "string", default: "" },
    history: { type: "boolean", default: false },
    items: { type: "string", default: "0" },
    limit: { type: "string", default: "0" },
    certificate: { type: "string", default: "server" },
    "per-subscription": { type: "string", default: "100000" },
    subscriptions: { type: "string", default: "10" },
    sessions: { type: "string", default: "20" },
    fastest: { type: "string", default: "0" },
  },
});
const limit = Number(options.limit);
const fastest = Number(options.fastest);
if (fastest) {
  opcua.Subscription.minimumPublishingInterval = fastest;
  opcua.MonitoredItem.minimumSamplingInterval = fastest / 2;
}

function variant(type, value) {
  const one = (x) => {
    if (type === "Int64" || type === "UInt64") {
      const bits = BigInt.asUintN(64, BigInt(x));
      return [Number(bits >> 32n), Number(bits & 0xffffffffn)];
    }
    if (type === "Float" || type === "Double") return Number(x); // "NaN", "Infinity" as text
    if (type === "DateTime") return new Date(x);
    if (type === "ByteString") return Buffer.from(x);
    if (type === "LocalizedText") return new opcua.LocalizedText({ text: x });
    if (type === "QualifiedName") return new opcua.QualifiedName({ name: x });
    if (type === "NodeId") return opcua.resolveNodeId(x);
    if (type === "ExtensionObject") return new opcua.Range({ low: x[0], high: x[1] });
    return x;
  };
  if (type === "Null") return { dataType: DataType.Null };
  const dataType = DataType[type];
  const matrix = Array.isArray(value) && Array.isArray(value[0]);
  if (matrix) {
    const shape = { arrayType: opcua.VariantArrayType.Matrix, dimensions: [value.length, value[0].length] };
    return { dataType, ...shape, value: new Float64Array(value.flat().map(one)) };
  }
  if (Array.isArray(value) && type !== "ExtensionObject") {
    return { dataType, arrayType: opcua.VariantArrayType.Array, value: value.map(one) };
  }
  return { dataType, arrayType: opcua.VariantArrayType.Scalar, value: one(value) };
}

class Peer {
  constructor() {
    this.made = []; // when a session was asked for, ms
    this.silent = false;
    this.offset = { ms: 0, left: 0 };
    this.override = new Map(); // name -> [type, value, status]: what the tick does not touch
    this.swallow = { left: 0, keep: false };
    this.latest = Math.floor(Date.now() / PERIOD_MS);
  }

  async start() {
    const file = (name) => path.join(options.pki, name);
    const manager = new opcua.OPCUACertificateManager({
      rootFolder: file("node"),
      automaticallyAcceptUnknownCertificate: true,
    });
    await manager.initialize();
    this.server = new OPCUAServer({
      port: Number(options.port),
      host: "127.0.0.1",
      hostname: "127.0.0.1",
      serverInfo: { applicationUri: "urn:test:server" },
      serverCertificateManager: manager,
      certificateFile: file(`${options.certificate}/certificate.pem`),
      privateKeyFile: file(`${options.certificate}/private_key.pem`),
      securityPolicies: [opcua.SecurityPolicy.Basic256Sha256],
      securityModes: [opcua.MessageSecurityMode.SignAndEncrypt],
      allowAnonymous: true,
      userManager: { isValidUser: (user, password) => user === "operator" && password === "secret" },
      serverCapabilities: {
        maxSessions: Number(options.sessions),
        maxSubscriptionsPerSession: Number(options.subscriptions),
        maxMonitoredItems: 100000,
        maxMonitoredItemsPerSubscription: Number(options["per-subscription"]),
        minSupportedSampleRate: 0,
        operationLimits: { maxMonitoredItemsPerCall: limit || 1000, maxNodesPerRead: limit || 1000 },
      },
    });
    await this.server.initialize();
    this.build(this.server.engine.addressSpace);
    this.spy();
    await this.server.start();
    this.latest = Math.floor(Date.now() / PERIOD_MS);
    this.burst(this.nodes.get("bursty"), 1);
    this.produce(this.latest); // so that no value stands there that the tick did not make
    console.log(`READY ${this.latest}`);
    this.tick();
  }

  build(space) {
    const add = (name, initial, type, value) => {
      const node = initial.addVariable({
        organizedBy: space.rootFolder.objects,
        browseName: name,
        nodeId: `s=${name}`,
        dataType: type === "ExtensionObject" ? "Range" : type === "Null" ? "Double" : type,
        valueRank: Array.isArray(value) && type !== "ExtensionObject" ? (Array.isArray(value[0]) ? 2 : 1) : -1,
        minimumSamplingInterval: 0,
      });
      node.setValueFromSource(variant(type, value));
      return node;
    };
    if (options.shift) {
      const other = space.registerNamespace("urn:test:other");
      this.foreign = add("tick", other, "Double", -1);
    }
    const plant = space.registerNamespace("urn:test:plant");
    this.add = (name, type, value) => this.nodes.set(name, add(name, plant, type, value));
    this.nodes = new Map();
    this.add("tick", "Double", this.latest);
    this.add("level", "Double", this.latest + 0.5);
    if (options.history) {
      for (const name of ["tick", "level"]) space.installHistoricalDataNode(this.nodes.get(name), { maxOnlineValues: 5000 });
    }
    if (options.without !== "setpoint") this.add("setpoint", "Int32", 42);
    this.add("bursty", "Int32", 0);
    for (const one of JSON.parse(fs.readFileSync(path.join(__dirname, "types.json")))) {
      this.add(one.name, one.type, one.value);
    }
    for (let i = 0; i < Number(options.items); i++) this.add(`item${i}`, "Double", i + 0.25);
  }

  spy() {
    const create = this.server._on_CreateSessionRequest;
    this.server._on_CreateSessionRequest = (...args) => {
      this.made.push(Date.now());
      return create.apply(this.server, args);
    };
    const peer = this;
    const proto = opcua.Subscription.prototype;
    const publish = proto._publish_pending_notifications;
    proto._publish_pending_notifications = function () {
      if (peer.swallow.left <= 0) return publish.call(this);
      peer.swallow.left -= 1;
      const message = this._popNotificationToSend();
      message.sequenceNumber = this._get_next_sequence_number();
      if (peer.swallow.keep) this._sent_notification_messages.push(message);
    };
  }

  tick() {
    const now = Math.floor(Date.now() / PERIOD_MS);
    while (this.latest < now) {
      this.latest += 1;
      if (!this.silent) this.produce(this.latest);
    }
    setTimeout(() => this.tick(), PERIOD_MS - (Date.now() % PERIOD_MS));
  }

  produce(k) {
    let time = new Date(k * PERIOD_MS + this.offset.ms);
    if (this.offset.left > 0 && --this.offset.left === 0) this.offset.ms = 0;
    for (const [name, value] of [["tick", k], ["level", k + 0.5]]) {
      const [type, forced, status] = this.override.get(name) || ["Double", value, StatusCodes.Good];
      const sent = type === "Double" ? value : forced;
      this.nodes.get(name).setValueFromSource(variant(type, sent), status, time);
    }
    if (this.foreign) this.foreign.setValueFromSource(variant("Double", -k), StatusCodes.Good, time);
  }

  burst(node, count) { // values of one moment, a millisecond apart
    const end = Date.now();
    for (let at = end - count + 1; at <= end; at++) {
      node.setValueFromSource(variant("Int32", at % 100000), StatusCodes.Good, new Date(at));
    }
  }

  sessions() {
    return this.server.engine.getSessions();
  }

  async obey(word, args) {
    if (word === "silence") this.silent = args[0] === "on";
    else if (word === "status") {
      const code = Number(args[1]);
      const status = code === 0 ? StatusCodes.Good : StatusCode.makeStatusCode(opcua.coerceStatusCode(code), 0);
      this.override.set(args[0], [args[2] || "Double", null, status]);
    } else if (word === "clock") this.offset = { ms: Number(args[0]), left: Number(args[1]) };
    else if (word === "burst") this.burst(this.nodes.get(args[0]), Number(args[1]));
    else if (word === "refuse") this.server.engine.serverCapabilities.maxSessions = args[0] === "on" ? 0 : Number(options.sessions);
    else if (word === "add") this.add(args[0], "Double", Number(args[1]));
    else if (word === "swallow") this.swallow = { left: Number(args[0]), keep: args[1] === "keep" };
    else if (word === "forget") {
      for (const session of this.sessions()) {
        if (args[0] === "session") this.server.engine.closeSession(session.authenticationToken, true, "Terminated");
        else for (const one of [...session.publishEngine.subscriptions]) session.deleteSubscription(one.id);
      }
    } else if (word === "stop") await this.server.shutdown(0);
    else if (word !== "report") throw new Error(`unknown command ${word}`);
    return {
      sessions: this.sessions().length,
      subscriptions: this.sessions().reduce((sum, one) => sum + one.currentSubscriptionCount, 0),
      made: this.made,
      latest: this.latest,
    };
  }
}

(async () => {
  const peer = new Peer();
  await peer.start();
  const lines = readline.createInterface({ input: process.stdin });
  lines.on("line", async (line) => {
    const [word, ...args] = line.trim().split(/\s+/);
    try {
      console.log(`OK ${JSON.stringify(await peer.obey(word, args))}`);
    } catch (error) {
      console.log(`FAILED ${error.stack.split("\n").slice(0, 3).join(" | ")}`);
    }
    if (word === "stop") process.exit(0);
  });
  lines.on("close", () => process.exit(0));
})();
