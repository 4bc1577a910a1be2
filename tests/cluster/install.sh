#!/bin/sh
# What `make cluster-test` needs of the machine beside Python: sshd. As root, on Debian and Ubuntu.
set -eu
if [ ! -x /usr/sbin/sshd ]; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends openssh-server
fi
