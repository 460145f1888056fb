/* containers.c - names of containers. */
#include "containers.h"
#include "base/text.h"
#include "owner.h"

#include <ctype.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

enum {
	ID = 64,
	SHORT_ID = 12, /* as the runtimes' own tools show it */
};

/*
 * A file of its own for each container (with %s for its id) or one for all, and where in it the name stands: a path of
 * members. A list is looked through for the element whose "id" is the container's.
 */
static const struct {
	const char *file;
	const char *members[4];
} states[] = {
	{"/var/lib/docker/containers/%s/config.v2.json", {"Name"}},
	{"/var/lib/containers/storage/overlay-containers/containers.json", {"names"}},
	{"/var/lib/containers/storage/vfs-containers/containers.json", {"names"}},
	{"/run/containerd/io.containerd.runtime.v2.task/k8s.io/%s/config.json",
		{"annotations", "io.kubernetes.cri.container-name"}},
	{"/run/containerd/io.containerd.runtime.v2.task/default/%s/config.json", {"annotations", "nerdctl/name"}},
};

/* The element of a list that is about this container. */
static struct json_object *element_of(struct json_object *list, const char *id)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *element = json_object_array_get_idx(list, i), *value;

		if (json_object_object_get_ex(element, "id", &value) &&
			strncmp(json_object_get_string(value), id, ID) == 0)
			return element;
	}
	return NULL;
}

static struct json_object *name_in(struct json_object *o, size_t state, const char *id)
{
	if (json_object_is_type(o, json_type_array))
		o = element_of(o, id);
	for (size_t i = 0; i < 4 && states[state].members[i]; i++)
		if (!json_object_object_get_ex(o, states[state].members[i], &o))
			return NULL;
	if (json_object_is_type(o, json_type_array)) /* of several names the first */
		o = json_object_array_get_idx(o, 0);
	return json_object_is_type(o, json_type_string) ? o : NULL;
}

const char *container_by_id(const char *id, char *ret, size_t size)
{
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		struct json_object *root, *name;
		char path[256];

		snprintf(path, sizeof(path), states[i].file, id);
		root = json_object_from_file(path);
		name = root ? name_in(root, i, id) : NULL;
		if (name) {
			const char *text = json_object_get_string(name);
			char clean[48];

			text += *text == '/'; /* as Docker writes it */
			text_clean(clean, sizeof(clean), text, strlen(text));
			snprintf(ret, size, "%s (%.*s)", clean, SHORT_ID, id);
		}
		json_object_put(root);
		if (name)
			return ret;
	}
	snprintf(ret, size, "%.*s", SHORT_ID, id);
	return ret;
}

const char *container_of_process(int32_t pid, char *ret, size_t size)
{
	char cgroup[320], id[ID + 1];
	size_t run = 0;

	text_copy(ret, size, "");
	owner_cgroup(pid, cgroup, sizeof(cgroup));
	for (const char *p = cgroup; *p; p++) {
		run = isxdigit((unsigned char)*p) ? run + 1 : 0;
		if (run == ID && !isxdigit((unsigned char)p[1])) {
			text_copy(id, sizeof(id), p - ID + 1);
			return container_by_id(id, ret, size);
		}
	}
	owner_container(cgroup, ret, size);
	return ret;
}
