/* A server on libmodbus: `libmodbus_peer tcp PORT` or `libmodbus_peer rtu DEVICE`. Unit 1; prints READY; ends with its
 * parent, or after a minute without a request.
 *
 * Holding registers 0..199 hold 1000 + address, input registers 0..199 hold 2000 + address; 300 and 301 (holding) the
 * float 1.5, high word first. Every third coil and every second discrete input of 0..199 is set.
 */
#include <errno.h>
#include <modbus.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  int tcp = strcmp(argv[1], "tcp") == 0;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  modbus_t *context = tcp ? modbus_new_tcp("127.0.0.1", atoi(argv[2])) : modbus_new_rtu(argv[2], 115200, 'N', 8, 1);
  modbus_mapping_t *map = modbus_mapping_new(200, 200, 302, 200);
  if (context == NULL || map == NULL) return 1;
  modbus_set_slave(context, 1);
  for (int i = 0; i < 200; i++) {
    map->tab_registers[i] = 1000 + i;
    map->tab_input_registers[i] = 2000 + i;
    map->tab_bits[i] = i % 3 == 0;
    map->tab_input_bits[i] = i % 2 == 0;
  }
  /* Not by modbus_set_float_abcd: that of 3.1.6, in Debian 12, swaps the bytes of each word. */
  map->tab_registers[300] = 0x3FC0;
  int listener = -1;
  if (tcp && (listener = modbus_tcp_listen(context, 1)) < 0) return 1;
  if (!tcp && modbus_connect(context) < 0) {
    fprintf(stderr, "%s: %s\n", argv[2], modbus_strerror(errno));
    return 1;
  }
  puts("READY");
  fflush(stdout);
  for (;;) {
    alarm(60);
    if (tcp && modbus_tcp_accept(context, &listener) < 0) return 1;
    uint8_t request[MODBUS_MAX_ADU_LENGTH];
    for (;;) {
      int size = modbus_receive(context, request);
      alarm(60);
      if (size > 0) modbus_reply(context, request, size, map);
      else if (size < 0 && tcp) break;
    }
    modbus_close(context);
  }
}
