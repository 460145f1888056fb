/* main.c - the program: options, what needs privilege, then broker and worker. */
#include "base/hash.h"
#include "base/loop.h"
#include "base/text.h"
#include "event/batch.h"
#include "event/stream.h"
#include "proc/desk.h"
#include "proc/broker.h"
#include "proc/explain.h"
#include "proc/late.h"
#include "proc/options.h"
#include "proc/session.h"
#include "proc/watchers.h"
#include "store/store.h"
#include "ui/terminal.h"
#include "ui/ui.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json_c_version.h>
#include <locale.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum mode {
	MODE_SCREEN,
	MODE_JSON,
	MODE_BATCH,
	MODE_EXPLAIN,
};

struct program {
	struct options options;
	enum mode mode;
	struct sources sources;
	struct input *input;
	int write_fd, tty_fd;
	int greetings[2]; /* broker's and worker's end; 0: other namespaces are not watched */
	struct terminal_state *terminal;
	struct settings settings, file_settings; /* in force, and as the file has them */
	char settings_error[300]; /* what is wrong with the file or the environment; "" */
	bool first_run;
	int desk[2]; /* the broker's end, the worker's */
	int late_ends[2]; /* likewise, of the kernel's reasons; 0: they are not late */
	struct late *late;
};

/* Hands each event to several sinks. */
struct fan {
	struct sink sink;
	struct sink *to[3];
};

static void fan_event(struct sink *sink, const struct event *ev)
{
	struct fan *fan = (struct fan *)(void *)sink;

	for (size_t i = 0; i < sizeof(fan->to) / sizeof(fan->to[0]); i++)
		if (fan->to[i])
			fan->to[i]->event(fan->to[i], ev);
}

/* What the worker shows events with. */
struct output {
	struct fan fan;
	struct sink *stream, *recording, *batch;
	struct store *store;
	struct ui *ui;
	int desk;
	bool warm;
};

static int output_frame(void *ctx)
{
	struct output *o = ctx;
	int r = o->recording ? stream_writer_flush(o->recording) : 0;

	if (r == 0 && o->stream)
		r = stream_writer_flush(o->stream);
	if (r == 0 && o->batch)
		r = batch_error(o->batch);
	if (r == 0 && o->ui)
		r = ui_frame(o->ui);
	if (o->ui && !o->warm) { /* behind the first frame, which it would delay */
		o->warm = true;
		store_warm(o->store);
	}
	return r;
}

static int output_round(void *ctx)
{
	struct output *o = ctx;

	if (o->ui)
		return ui_round(o->ui);
	return o->stream ? stream_writer_flush(o->stream) : 0;
}

/* Has written what the user asked for. */
static void serve_wishes(struct output *o)
{
	const char *name, *text;
	char words[DESK_WORDS];
	enum ui_file file = ui_wants_file(o->ui, &name, &text);

	if (file == UI_FILE_NONE)
		return;
	desk_write(o->desk, file == UI_FILE_SETTINGS ? DESK_SETTINGS : DESK_FINDING, name, text, words);
	ui_tell(o->ui, words);
}

static int output_input(void *ctx)
{
	struct output *o = ctx;
	int r = ui_input(o->ui);

	serve_wishes(o);
	return r;
}

static bool output_wants_trace(void *ctx, struct ip *ret_peer, uint16_t *ret_port)
{
	struct output *o = ctx;

	return o->ui && ui_wants_trace(o->ui, ret_peer, ret_port);
}

static void output_resize(void *ctx)
{
	struct output *o = ctx;

	if (o->ui)
		ui_resize(o->ui);
}

static void output_complain(void *ctx, const char *sentence)
{
	struct output *o = ctx;

	ui_free(o->ui); /* gives the terminal back first */
	o->ui = NULL;
	fprintf(stderr, "tcpwhy: %s\n", sentence);
}

static int output_open(struct output *o, const struct program *p)
{
	struct ui_options ui = {.in_fd = p->tty_fd, .out_fd = STDOUT_FILENO, .demo = p->options.demo, .live = !p->input,
		.hint = p->first_run, .settings = p->settings, .file = p->file_settings};

	memset(o, 0, sizeof(*o));
	o->fan.sink.event = fan_event;
	o->desk = p->desk[1];
	if (p->write_fd >= 0 && !(o->recording = stream_writer_new(p->write_fd)))
		return -ENOMEM;
	if (p->mode == MODE_JSON && !(o->stream = stream_writer_new(STDOUT_FILENO)))
		return -ENOMEM;
	if (p->mode == MODE_BATCH && !(o->batch = batch_new(STDOUT_FILENO, p->options.plain)))
		return -ENOMEM;
	if ((p->mode == MODE_SCREEN || p->mode == MODE_EXPLAIN) && !(o->store = store_new()))
		return -ENOMEM;
	o->fan.to[0] = o->stream ? o->stream : o->batch;
	o->fan.to[1] = o->recording;
	o->fan.to[2] = o->store ? &o->store->sink : NULL;
	if (p->mode == MODE_SCREEN && !(o->ui = ui_new(o->store, &ui)))
		return errno ? -errno : -EIO;
	if (o->ui && p->settings_error[0])
		ui_tell(o->ui, p->settings_error);
	return 0;
}

static void output_close(struct output *o)
{
	ui_free(o->ui);
	if (o->recording)
		stream_writer_flush(o->recording);
	if (o->stream)
		stream_writer_flush(o->stream);
	stream_writer_free(o->recording);
	stream_writer_free(o->stream);
	batch_free(o->batch);
	store_free(o->store);
}

/* A reader that has gone (head, less) needs no message. */
static void complain(const char *what, int error)
{
	if (error < 0 && error != -EPIPE)
		fprintf(stderr, "tcpwhy: %s: %s\n", what, strerror(-error));
}

static int work(void *ctx, int socket)
{
	struct program *p = ctx;
	struct output out;
	struct frontend fe;
	int r = output_open(&out, p);

	if (r < 0) {
		output_close(&out);
		fprintf(stderr, "tcpwhy: cannot start the screen: %s\n", strerror(-r));
		return EXIT_FAILED;
	}
	if (p->greetings[0])
		close(p->greetings[0]);
	if (p->late_ends[0])
		close(p->late_ends[0]);
	p->sources.late_kernel = p->late_ends[1];
	fe = (struct frontend){
		.greetings = p->greetings[1],
		.sink = &out.fan.sink,
		.input_fd = out.ui ? p->tty_fd : -1,
		.ctx = &out,
		.input = output_input,
		.frame = output_frame,
		.round = output_round,
		.wants_trace = output_wants_trace,
		.complain = output_complain,
		.resize = output_resize,
	};
	if (p->input)
		r = session_replay(&p->options, p->input, &fe, socket, p->options.demo);
	else
		r = session_live(&p->options, &p->sources, &fe, socket);
	if (out.stream && stream_writer_flush(out.stream) < 0)
		complain("standard output", stream_writer_flush(out.stream));
	if (out.recording && stream_writer_flush(out.recording) < 0)
		complain(p->options.write, stream_writer_flush(out.recording));
	if (out.batch)
		complain("standard output", batch_error(out.batch));
	if (p->mode == MODE_EXPLAIN && r == EXIT_DONE)
		r = explain_port(out.store, p->options.explain, p->options.filter, stdout);
	output_close(&out);
	sources_close(&p->sources);
	p->input = NULL; /* the session has closed it */
	return r;
}

/* In the broker, beside the worker's first screen. */
static void begin(void *ctx)
{
	struct program *p = ctx;

	if (!p->options.late_kernel)
		return;
	close(p->late_ends[1]);
	p->late = late_start(sources_netns(), p->late_ends[0]);
	if (!p->late)
		close(p->late_ends[0]); /* which tells the worker */
}

static void restore(void *ctx)
{
	terminal_restore(((struct program *)ctx)->terminal);
}

static void print_version(void)
{
	char state[128];

	printf("tcpwhy %s\n", TCPWHY_VERSION);
	printf("  %s\n", pcap_lib_version());
	printf("  libmnl, json-c %s, %s\n", json_c_version(), ui_library_version());
	printf("  event stream schema %d\n", EVENT_SCHEMA);
	printf("  kernel reasons: %s\n", kernel_library());
	printf("  sources: sockets (sock_diag), packets (libpcap, TPACKET_V3), kernel (BPF), firewall (nftables), "
	       "namespaces (--netns)\n");
	printf("  BTF of the running kernel: %s\n",
		access("/sys/kernel/btf/vmlinux", R_OK) == 0 ? "there" : "not there");
	fflush(stdout);
	if (worker_confine() < 0)
		printf("  worker: cannot give up privileges here: %s\n", strerror(errno));
	else
		printf("  worker runs as: %s; seccomp and Landlock: not in this version\n",
			worker_describe(state, sizeof(state)));
}

/* Opens the file to record to; under sudo a new one belongs to who called sudo. */
static int open_recording(const char *path)
{
	const char *uid = getenv("SUDO_UID"), *gid = getenv("SUDO_GID");
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 && errno == EEXIST)
		return open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd >= 0 && geteuid() == 0 && uid && gid &&
		fchown(fd, (uid_t)strtoul(uid, NULL, 10), (gid_t)strtoul(gid, NULL, 10)) < 0)
		fprintf(stderr, "tcpwhy: %s stays root's: %s\n", path, strerror(errno));
	return fd;
}

static enum mode choose_mode(const struct options *o)
{
	if (o->explain)
		return MODE_EXPLAIN;
	if (o->json)
		return MODE_JSON;
	return o->batch || !isatty(STDOUT_FILENO) ? MODE_BATCH : MODE_SCREEN;
}

/* The socket by which the broker tells of watchers. */
static bool open_greetings(struct program *p)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p->greetings) == 0)
		return true;
	p->greetings[0] = p->greetings[1] = 0;
	return false;
}

/* What the user has chosen: flags come before the environment, that before the file. */
static void read_settings(struct program *p)
{
	struct settings *s = &p->settings;
	char err[300];

	settings_default(s);
	p->first_run = !desk_read_settings(s, p->settings_error, sizeof(p->settings_error));
	p->file_settings = *s;
	if (settings_environment(s, err, sizeof(err)) < 0 && !p->settings_error[0])
		text_copy(p->settings_error, sizeof(p->settings_error), err);
	for (size_t i = 0; i < p->options.n_settings; i++)
		settings_set_pair(s, p->options.settings[i], err, sizeof(err));
	if (p->options.interval == 0)
		p->options.interval = s->interval;
	if (p->settings_error[0] && p->mode != MODE_SCREEN)
		fprintf(stderr, "tcpwhy: %s\n", p->settings_error);
}

/* What needs privilege, or the invoking user's rights. 0, or an exit status after saying why. */
static int open_all(struct program *p)
{
	struct options *o = &p->options;
	char err[300] = "";
	int r;

	if (o->write && (p->write_fd = open_recording(o->write)) < 0) {
		fprintf(stderr, "tcpwhy: %s: %s\n", o->write, strerror(errno));
		return EXIT_USAGE;
	}
	if (p->mode == MODE_SCREEN) {
		p->tty_fd = isatty(STDIN_FILENO) ? STDIN_FILENO : open("/dev/tty", O_RDWR | O_CLOEXEC);
		if (p->tty_fd < 0)
			p->mode = MODE_BATCH;
		else if (!(p->terminal = terminal_save(STDOUT_FILENO)))
			p->mode = MODE_BATCH; /* one that cannot move its cursor */
	}
	if (o->demo || o->read) {
		p->input = o->demo ? input_demo() : input_open(o->read);
		if (!p->input)
			fprintf(stderr, "tcpwhy: %s: %s\n", o->read ? o->read : "demo", strerror(errno));
		return p->input ? 0 : EXIT_USAGE;
	}
	if (p->mode == MODE_SCREEN && !o->netns && !o->no_kernel)
		o->late_kernel = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p->late_ends) == 0;
	r = sources_open(&p->sources, o, err, sizeof(err));
	if (r < 0) {
		fprintf(stderr, "tcpwhy: %s\n", err);
		if (r == -EPERM)
			fputs("tcpwhy: capturing needs CAP_NET_RAW: run it with sudo, or try tcpwhy --demo\n",
				stderr);
		return r == -EPERM ? EXIT_PRIVILEGE : EXIT_USAGE;
	}
	if (o->netns && !(o->netns = open_greetings(p)))
		fprintf(stderr, "tcpwhy: other namespaces cannot be watched: %s\n", strerror(errno));
	if (!p->sources.capture && p->mode != MODE_SCREEN)
		fprintf(stderr, "tcpwhy: %s\n", p->sources.state[SOURCE_PACKETS].why);
	if (p->mode == MODE_EXPLAIN && !o->duration)
		o->duration = o->interval;
	return 0;
}

/* Somebody may have started us without: what is opened first must not become standard output. */
static void have_standard_streams(void)
{
	int fd = open("/dev/null", O_RDWR);

	while (fd >= 0 && fd <= STDERR_FILENO)
		fd = open("/dev/null", O_RDWR);
	if (fd > STDERR_FILENO)
		close(fd);
}

int main(int argc, char **argv)
{
	struct program p = {.write_fd = -1, .tty_fd = -1};
	struct broker_hooks hooks = {.worker = work, .restore = restore, .begin = begin, .ctx = &p};
	char err[256];
	int status;

	have_standard_streams();
	setlocale(LC_CTYPE, ""); /* numbers stay as the stream and the options have them */
	if (options_parse(argc, argv, &p.options, err, sizeof(err)) < 0) {
		fprintf(stderr, "tcpwhy: %s\n", err);
		options_fini(&p.options);
		return EXIT_USAGE;
	}
	p.mode = choose_mode(&p.options);
	if (p.options.help) {
		options_print_help(stdout);
		status = EXIT_DONE;
	} else if (p.options.version) {
		print_version();
		status = EXIT_DONE;
	} else {
		read_settings(&p);
		if (p.mode == MODE_SCREEN && desk_open(p.desk) == 0)
			memcpy(hooks.desk, p.desk, sizeof(hooks.desk));
		status = open_all(&p);
		if (status == EXIT_DONE && p.greetings[0] && geteuid() == 0)
			hooks.watchers = watchers_new(&p.options, &p.sources, p.greetings[0]);
		if (status == EXIT_DONE)
			status = broker_run(&hooks);
		late_stop(p.late);
		watchers_free(hooks.watchers);
		sources_close(&p.sources);
		input_free(p.input);
	}
	terminal_free(p.terminal);
	options_fini(&p.options);
	return status;
}
