// Socket.IO, by WebSocket alone: an event to everybody in the room that the query names. Stores nothing.
// usage: node socketio.js PORT

const { createServer } = require("node:http");
const { Server } = require("socket.io");

const http = createServer();
const io = new Server(http, { transports: ["websocket"], serveClient: false });

io.on("connection", (socket) => {
  const { room } = socket.handshake.query;
  socket.join(room);
  socket.on("m", (text) => io.to(room).emit("m", text));
});
http.listen(Number(process.argv[2]), "127.0.0.1");
