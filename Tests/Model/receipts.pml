/*
 * Receipts and epochs: a replica, and with REPLICAS=2 a copy of it, push to one central over a link that loses,
 * doubles and delays; the one alone is put back to an old copy of itself; central crashes between taking and committing.
 *
 * Shown, for every interleaving:
 *  - what a replica believes received is on central's disk, with the value the replica holds;
 *  - a copy never takes its original's receipts for its own: where the two differ, one goes on under a new epoch.
 *
 * Faults that must be caught (spin -D…): NO_EPOCH, ACK_EARLY, ACK_BY_COUNT.
 */
#ifndef REPLICAS
#define REPLICAS 1          /* 2: a file and its copy, both in use under one actor until they meet central */
#endif
#define WRITES   (REPLICAS == 1 -> 3 : 2)   /* edits each person makes */
#define ACTORS   3          /* epochs drawn, over all replicas */
#define LAST     4          /* highest count of one actor */

typedef Chain { byte value[LAST]; byte length }
typedef Replica {
  byte actor;               /* its present epoch */
  byte received;            /* how far it believes its chain received */
  byte kept_actor; byte kept_length; byte kept_received;   /* an old copy of the file */
  Chain chain;
  Chain kept;
  byte written; bool copied; bool restored
}

Replica replica[REPLICAS];
Chain disk[ACTORS];         /* central: committed */
Chain memory[ACTORS];       /* central: taken, not committed */
byte drawn = 1;      /* epochs drawn so far */
byte values = 0;            /* every edit is another value */
byte crashes = 0;

chan up   = [1] of { byte, byte, byte };        /* actor, place, value */
chan down[REPLICAS] = [1] of { byte, byte };    /* actor, received up to */

inline write(r) {
  replica[r].written < WRITES && replica[r].chain.length < LAST - 1 ->
    replica[r].written++; values++;
    replica[r].chain.value[replica[r].chain.length] = values;
    replica[r].chain.length++
}

inline keep(r) {
  !replica[r].copied ->
    replica[r].copied = true;
    replica[r].kept_actor = replica[r].actor;
    replica[r].kept_received = replica[r].received;
    i = 0;
    do
    :: i < LAST -> replica[r].kept.value[i] = replica[r].chain.value[i]; i++
    :: else -> break
    od;
    replica[r].kept.length = replica[r].chain.length
}

inline restore(r) {
  replica[r].copied && !replica[r].restored ->
    replica[r].restored = true;
    replica[r].actor = replica[r].kept_actor;
    replica[r].received = replica[r].kept_received;
    i = 0;
    do
    :: i < LAST -> replica[r].chain.value[i] = replica[r].kept.value[i]; i++
    :: else -> break
    od;
    replica[r].chain.length = replica[r].kept.length
}

/* Hello: central's chain against one's own; where they part, a new epoch with the unsent re-sealed under it. */
inline hello(r) {
  i = 0;
  do
  :: (i < replica[r].chain.length && i < disk[replica[r].actor].length && replica[r].chain.value[i] == disk[replica[r].actor].value[i]) -> i++
  :: else -> break
  od;
  if
  :: (i < disk[replica[r].actor].length && drawn < ACTORS) ->
#ifndef NO_EPOCH
       /* Central holds what this file does not: an old copy. What central lacks goes on as a new history. */
       j = 0;
       do
       :: i < replica[r].chain.length ->
            replica[r].chain.value[j] = replica[r].chain.value[i]; i++; j++
       :: else -> break
       od;
       replica[r].chain.length = j;
       do
       :: j < LAST -> replica[r].chain.value[j] = 0; j++
       :: else -> break
       od;
       replica[r].actor = drawn; drawn++;
       replica[r].received = 0
#else
       replica[r].received = disk[replica[r].actor].length
#endif
  :: else ->
       replica[r].received = i
  fi;
  i = 0; j = 0
}

inline push(r) {
  replica[r].received < replica[r].chain.length && len(up) < 1 ->
    up ! replica[r].actor, replica[r].received, replica[r].chain.value[replica[r].received]
}

proctype Member(byte r) {
  byte i, j, a, n;
  do
  :: d_step { write(r) }
#if REPLICAS == 1
  :: d_step { keep(r) }
  :: d_step { restore(r) }
#endif
  :: d_step { hello(r) }
  :: d_step { push(r) }
  :: d_step { down[r] ? a, n ->
       if
       :: a == replica[r].actor && n > replica[r].received && n <= replica[r].chain.length ->
            /* A receipt names the hash: it counts only for the value held here. */
#ifndef NO_EPOCH
            if
            :: disk[a].length >= n && disk[a].value[n - 1] == replica[r].chain.value[n - 1] -> replica[r].received = n
#if defined(ACK_EARLY) || defined(ACK_BY_COUNT)
            :: else -> replica[r].received = n
#else
            :: else -> skip
#endif
            fi
#else
            replica[r].received = n
#endif
       :: else -> skip
       fi; a = 0; n = 0 }
  :: d_step { nempty(down[r]) -> down[r] ? a, n; a = 0; n = 0 }      /* a reply is lost */
  od
}

proctype Central() {
  byte a, n, v, i;
  do
  :: d_step { up ? a, n, v ->
       if
       :: n == memory[a].length && n < LAST -> memory[a].value[n] = v; memory[a].length++
       :: else -> skip
       fi;
#ifdef ACK_EARLY
       if :: len(down[a % REPLICAS]) < 1 && memory[a].length > n -> down[a % REPLICAS] ! a, n + 1 :: else -> skip fi;
#endif
       a = 0; n = 0; v = 0 }
  :: d_step { nempty(up) -> up ? a, n, v; a = 0; n = 0; v = 0 }      /* a request is lost */
  :: /* COMMIT, and only then the reply */
     a = 0;
     do
     :: a < ACTORS ->
          d_step {
            if
            :: memory[a].length > disk[a].length ->
                 i = disk[a].length;
                 disk[a].value[i] = memory[a].value[i];
                 disk[a].length++;
                 i = 0;
                 n = 0;
                 do
                 :: n < REPLICAS ->
                      if :: replica[n].actor == a && len(down[n]) < 1 -> down[n] ! a, disk[a].length :: else -> skip fi;
                      n++
                 :: else -> break
                 od;
                 n = 0
            :: else -> skip
            fi };
          a++
     :: else -> break
     od;
     a = 0
  :: d_step { crashes < 1 ->                                          /* what is not committed is gone */
       crashes++; a = 0;
       do
       :: a < ACTORS ->
            memory[a].length = disk[a].length; i = 0;
            do
            :: i < LAST -> memory[a].value[i] = disk[a].value[i]; i++
            :: else -> break
            od;
            a++
       :: else -> break
       od; a = 0; i = 0 }
  od
}

/* What a replica believes received is on the disk, value by value. */
proctype Watch() {
  byte r, i;
  do
  :: d_step {
       r = 0;
       do
       :: r < REPLICAS ->
            i = 0;
            do
            :: i < replica[r].received ->
                 assert(disk[replica[r].actor].length > i);
                 assert(disk[replica[r].actor].value[i] == replica[r].chain.value[i]);
                 i++
            :: else -> break
            od;
            r++
       :: else -> break
       od; r = 0; i = 0 }
  od
}

init {
  atomic {
    run Member(0);
#if REPLICAS == 2
    run Member(1);
#endif
    run Central(); run Watch()
  }
}
