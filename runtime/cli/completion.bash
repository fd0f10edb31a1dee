# SPDX-License-Identifier: Apache-2.0
# bash completion for berth; installed as .../bash-completion/completions/berth

# Names of containers, one a line; nothing where they can't be read.
_berth_names()
{
	berth ps -q "$@" 2>/dev/null
}

# Every capability has its line in the kernel's own list of them, where its header is installed.
_berth_capabilities()
{
	sed -n 's/^#define CAP_\([A-Z_]*\)[ \t]*[0-9][0-9]*$/\1/p' /usr/include/linux/capability.h 2>/dev/null
}

# Completes whole lines as single words, so that names may hold spaces.
_berth_reply_lines()
{
	local line word=$1
	while IFS= read -r line; do
		[[ $line == "$word"* ]] && COMPREPLY+=("$(printf '%q' "$line")")
	done
}

# Paths, with a slash behind directories; an optional prefix stays in front.
_berth_reply_paths()
{
	local path prefix=$2
	compopt -o nospace -o filenames 2>/dev/null
	while IFS= read -r path; do
		COMPREPLY+=("$prefix$path")
	done < <(compgen -f -- "$1")
}

_berth()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}
	local resources="--cpus --cpu-limit --cpuset --mem --swap --pids -c -m"
	local run="--name --root --volume --tmpfs --read-only --device --device-cgroup-rule --env --env-clear
		--workdir --user --hostname --net --uts --ipc --cgroupns --tty --interactive --init --no-init --detach --log
		--cgroup-parent --rlimit --oom-score-adj --timeout --timing --cap-add --cap-drop --seccomp --seccomp-log --new-privileges
		--userns --uidmap --gidmap --mem-grace --mem-lenient --mem-reserve --mem-pressure --mem-freeze --help
		-n -v -e -w -u -t -i -d -h $resources"
	local options="" i word

	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W "run plan ps inspect stats exec update kill stop wait pause resume rm root gc
			check version help --help --version" -- "$cur")
		return
	fi
	case $command in
	run) options=$run ;;
	plan) options="$run --json" ;;
	exec) options="--tty --interactive --env --env-clear --workdir --user --help -t -i -e -w -u -h" ;;
	update) options="$resources --wait --help -h" ;;
	ps) options="--all --quiet --json --help -a -q -h" ;;
	stats | check | root) options="--json --help -h" ;;
	stop) options="--time --help -t -h" ;;
	rm) options="--force --help -f -h" ;;
	gc) options="--kill --cgroup-parent --help -h" ;;
	help)
		mapfile -t COMPREPLY < <(compgen -W "run plan ps inspect stats exec update kill stop wait pause resume rm root gc
			check version" -- "$cur")
		return
		;;
	*) options="--help -h" ;;
	esac

	# The value of the option before. bash splits words at '=' and ':' (COMP_WORDBREAKS).
	[[ $prev == "=" ]] && prev=${COMP_WORDS[COMP_CWORD - 2]}
	[[ $cur == "=" ]] && cur=""
	case $command:$prev in
	run:--net | plan:--net)
		mapfile -t COMPREPLY < <(compgen -W "host none" -- "$cur")
		return
		;;
	run:--uts | plan:--uts | run:--ipc | plan:--ipc | run:--cgroupns | \
		plan:--cgroupns)
		mapfile -t COMPREPLY < <(compgen -W "new host" -- "$cur")
		return
		;;
	run:--root | plan:--root)
		mapfile -t COMPREPLY < <(compgen -W "host host-rw overlay: framework:" -- "$cur")
		_berth_reply_paths "$cur" ""
		return
		;;
	run:--rlimit | plan:--rlimit)
		compopt -o nospace 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -S = -W "as core cpu data fsize locks memlock msgqueue nice nofile nproc rss
			rtprio rttime sigpending stack" -- "$cur")
		return
		;;
	run:--cap-add | plan:--cap-add | run:--cap-drop | plan:--cap-drop)
		mapfile -t COMPREPLY < <(compgen -W "ALL $(_berth_capabilities)" -- "$cur")
		return
		;;
	run:--userns | plan:--userns)
		mapfile -t COMPREPLY < <(compgen -W "host auto" -- "$cur")
		return
		;;
	run:--seccomp | plan:--seccomp)
		_berth_reply_paths "$cur" ""
		mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "default unconfined" -- "$cur")
		return
		;;
	run:--device | plan:--device | run:-v | plan:-v | run:--volume | plan:--volume | run:--log | plan:--log)
		_berth_reply_paths "$cur" ""
		return
		;;
	run:-u | plan:-u | run:--user | plan:--user | exec:-u | exec:--user)
		mapfile -t COMPREPLY < <(compgen -u -- "$cur")
		return
		;;
	run:-e | plan:-e | run:--env | plan:--env | exec:-e | exec:--env)
		mapfile -t COMPREPLY < <(compgen -e -- "$cur")
		return
		;;
	run:-[ncmw] | plan:-[ncmw] | exec:-w | update:-[cm] | stop:-t) return ;;
	*:--name | *:--cpus | *:--cpu-limit | *:--cpuset | *:--mem | *:--swap | *:--pids | *:--tmpfs | *:--workdir | \
		*:--hostname | *:--cgroup-parent | *:--timeout | *:--time | *:--mem-grace | *:--mem-lenient | \
		*:--mem-reserve | *:--mem-pressure | *:--device-cgroup-rule | *:--oom-score-adj) return ;;
	esac

	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
		return
	fi
	case $command in
	inspect | update | pause | stop | stats) _berth_reply_lines "$cur" < <(_berth_names) ;;
	wait | rm | resume) _berth_reply_lines "$cur" < <(_berth_names -a) ;;
	kill)
		if ((COMP_CWORD == 2)); then
			_berth_reply_lines "$cur" < <(_berth_names)
		else
			mapfile -t COMPREPLY < <(compgen -W "TERM KILL HUP INT QUIT USR1 USR2 STOP CONT" -- "$cur")
		fi
		;;
	root)
		if ((COMP_CWORD == 2)); then
			mapfile -t COMPREPLY < <(compgen -W "ls du rm" -- "$cur")
		elif [[ ${COMP_WORDS[2]} == rm ]]; then
			_berth_reply_lines "$cur" < <(berth root ls 2>/dev/null | sed -e 1d -e 's/  .*//')
		fi
		;;
	exec)
		# The first word that is neither an option nor an option's value is the container; then comes a command.
		for ((i = 2; i < COMP_CWORD; i++)); do
			word=${COMP_WORDS[i]}
			case $word in
			-e | -w | -u | --env | --workdir | --user) ((i++)) ;;
			-*) ;;
			*)
				mapfile -t COMPREPLY < <(compgen -c -- "$cur")
				return
				;;
			esac
		done
		_berth_reply_lines "$cur" < <(_berth_names)
		;;
	run | plan) mapfile -t COMPREPLY < <(compgen -c -- "$cur") ;;
	esac
}

complete -F _berth berth
