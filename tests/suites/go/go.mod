// SPDX-License-Identifier: MIT
module example.test/parcels

go 1.19
